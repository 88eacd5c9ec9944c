import EPPConfiguration
import EPPCore
import EPPDataLayer
import EPPGRPCServer
import EPPKubernetes
import EPPMetrics
import EPPProcess
import FoundationEssentials
import Logging
import NIOCore

/// What a process does at a Kubernetes cluster: the discovery of endpoints and of rules for requests, the election of a leader and
/// the review of tokens, with the client that all of them use.
struct KubernetesCluster: Sendable {
  /// The election of a leader; nil when every replica serves.
  let election: LeaderElection?
  /// Reviews tokens.
  let reviewer: AccessReviewer
  private let discovery: KubernetesDiscovery
  /// Discovers the rules for the pool's requests; nil without an InferencePool, which the rules belong to.
  private let rules: RequestRulesDiscovery?
  private let client: KubernetesClient

  /// Reads the access to the API server. No request is sent before the discovery runs; `shutdown` has to be called at the end.
  ///
  /// - Parameter environment: The environment variables of the process.
  /// - Throws: `ServerError` when there is no access, or when its files cannot be read.
  init(
    _ settings: KubernetesSettings, store: EndpointStore, metrics: PickerMetrics, logger: Logger,
    environment: [String: String]
  ) throws(ServerError) {
    let access: KubernetesConfiguration
    do throws(KubernetesConfiguration.Problem) {
      access = try ClusterAccess.configuration(kubeconfig: settings.kubeconfig, environment: environment)
      client = try KubernetesClient(access, clock: MonotonicTime.now)
    } catch {
      throw ServerError("access to the Kubernetes API server: \(error)")
    }
    let target: KubernetesDiscovery.Target =
      switch settings.target {
      case .pool(let name, let group): .pool(name: name, group: group)
      case .pods(let selector, let ports): .pods(PoolEndpoints.Definition(selector: selector, targetPorts: ports))
      }
    reviewer = AccessReviewer(client: client, logger: logger)
    let namespace = settings.namespace ?? access.namespace ?? "default"
    discovery = KubernetesDiscovery(
      KubernetesDiscovery.Configuration(
        target: target, namespace: namespace, ownAddresses: Self.ownAddresses(environment)),
      client: client, store: store, metrics: metrics, logger: logger)
    rules =
      switch settings.target {
      case .pool(let name, let group):
        RequestRulesDiscovery(
          pool: PoolReference(group: group.rawValue, name: name), namespace: namespace, client: client,
          metrics: metrics,
          logger: logger)
      case .pods: nil
      }
    election = settings.election.map { [client] election in
      // A run of its own, also in a pod whose container was restarted.
      let identity = (election.pod ?? ProcessInfo.processInfo.hostName) + "_" + UUID().uuidString.lowercased()
      return LeaderElection(
        LeaseElection.Configuration(
          identity: identity,
          key: ObjectKey(namespace: namespace, name: election.leaseName(namespace: namespace))),
        client: client, metrics: metrics, logger: logger)
    }
  }

  /// The source of endpoints, which also follows the rules for requests and passes them to `apply`.
  func source(_ apply: @escaping @Sendable (RequestRules) -> Void) -> any EndpointSource {
    Source(discovery: discovery, rules: rules, apply: apply)
  }

  private struct Source: EndpointSource {
    let discovery: KubernetesDiscovery
    let rules: RequestRulesDiscovery?
    let apply: @Sendable (RequestRules) -> Void

    /// Requests that come before the rules would be sent to models that the rules replace.
    func waitUntilRead() async -> Bool {
      let areRulesRead = await rules?.waitUntilRead() ?? true
      return await discovery.waitUntilRead() && areRulesRead
    }

    func run() async {
      await withDiscardingTaskGroup { group in
        group.addTask { await discovery.run() }
        if let rules { group.addTask { await rules.run(apply) } }
      }
    }
  }

  /// Updates the gauges of the metrics page. To be called before the page is written.
  func refreshMetrics() {
    discovery.refreshGauges()
    rules?.refreshGauges()
    election?.refreshGauge()
  }

  /// Closes the connections to the API server.
  func shutdown() async { await client.shutdown() }

  /// Returns the IP literals of this machine's interfaces, and that of the pod by the variable `POD_IP`.
  private static func ownAddresses(_ environment: [String: String]) -> [String] {
    let devices = (try? System.enumerateDevices()) ?? []
    return devices.compactMap { $0.address?.ipAddress } + [environment["POD_IP"]].compactMap(\.self)
  }
}
