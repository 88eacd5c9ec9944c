import EPPCore
import EPPDataLayer
import EPPKubernetes
import EPPMetrics
import EPPProcess
import Logging
import RoutingProxy
import ServiceLifecycle
import Synchronization

/// Follows the members of an InferencePool, which are the targets that headers may name. Until they are known, none is.
struct PoolMembers: Service {
  private let discovery: KubernetesDiscovery
  private let store: EndpointStore
  private let client: KubernetesClient
  private let targets: AllowedTargets
  private let forbidden: Set<IPAddress>

  /// Reads the access to the API server; `shutdown` has to be called at the end.
  ///
  /// - Throws: When there is no access, or its files cannot be read.
  init(
    _ pool: TargetSettings.Pool, targets: AllowedTargets, forbidden: Set<IPAddress>, logger: Logger,
    environment: [String: String]
  ) throws(SidecarError) {
    do throws(KubernetesConfiguration.Problem) {
      client = try KubernetesClient(
        ClusterAccess.configuration(kubeconfig: pool.kubeconfig, environment: environment), clock: MonotonicTime.now)
    } catch {
      throw SidecarError("access to the Kubernetes API server, for --enable-ssrf-protection: \(error)")
    }
    self.targets = targets
    self.forbidden = forbidden
    let metrics = PickerMetrics()
    store = EndpointStore(configuration: .init(stalenessThreshold: .seconds(1)), logger: logger)
    discovery = KubernetesDiscovery(
      KubernetesDiscovery.Configuration(
        target: .pool(name: pool.name, group: pool.group), namespace: pool.namespace, ownAddresses: []),
      client: client, store: store, metrics: metrics, logger: logger)
  }

  func run() async throws {
    let members = Mutex<Set<TargetPolicy.Member>>([])
    let observation = await store.observe { [targets, forbidden] change in
      let all = members.withLock { members in
        switch change {
        case .added(let endpoint, load: _): if let member = Self.member(endpoint) { members.insert(member) }
        case .updated: break
        case .removed(let endpoint): if let member = Self.member(endpoint) { members.remove(member) }
        }
        return members
      }
      targets.replace(with: TargetPolicy(.members(all), forbidden: forbidden))
    }
    await cancelWhenGracefulShutdown { await discovery.run() }
    await store.endObservation(observation)
  }

  private static func member(_ endpoint: Endpoint) -> TargetPolicy.Member? {
    IPAddress(endpoint.address.host).map { TargetPolicy.Member(address: $0, port: endpoint.address.port) }
  }

  /// Closes the connections to the API server.
  func shutdown() async { await client.shutdown() }
}
