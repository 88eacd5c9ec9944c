import EPPCore
import EPPMetrics
import Logging
import Synchronization

/// Follows the objects of a kind of llm-d in each API group that can serve it. The kind is optional: a group that is not served,
/// or that must not be read, has no objects. Any task may use it.
final class PoolObjectWatch<Resource: PoolObject>: Sendable {
  private struct State {
    /// Objects by the index of their kind in `Resource.kinds`.
    var caches = [ResourceCache<Resource>](repeating: ResourceCache(), count: Resource.kinds.count)
    /// Indices of the kinds that have been listed, or cannot be read.
    var settled: Set<Int> = []
  }

  private let namespace: String
  private let client: KubernetesClient
  private let configuration: WatchConfiguration
  private let logger: Logger
  private let clock: @Sendable () -> MonotonicTime
  private let series: KubernetesSeries
  private let statuses: [WatchStatus]
  private let state = Mutex(State())
  private let read = OneShotEvent()

  init(
    namespace: String, client: KubernetesClient, configuration: WatchConfiguration, metrics: PickerMetrics,
    logger: Logger, clock: @escaping @Sendable () -> MonotonicTime
  ) {
    self.namespace = namespace
    self.client = client
    self.configuration = configuration
    self.logger = logger
    self.clock = clock
    series = metrics.kubernetesSeries(resource: Resource.plural)
    statuses = Resource.kinds.map { _ in WatchStatus() }
    refreshGauges()
  }

  /// The known objects. Of two with one name, that of the preferred group.
  var objects: [Resource] {
    let caches = state.withLock { $0.caches.map(\.objects) }
    return Array(caches.reduce(into: [:]) { all, next in all.merge(next) { first, _ in first } }.values)
  }

  /// Waits until every group has been listed or has turned out to be unavailable, or until the task is cancelled.
  ///
  /// - Returns: whether the groups are known.
  func waitUntilRead() async -> Bool { await read.wait() }

  /// Lists and watches until the task is cancelled.
  ///
  /// - Parameter changed: Called after each change of `objects`, on any thread.
  func run(_ changed: @escaping @Sendable () -> Void) async {
    await withDiscardingTaskGroup { group in
      for (index, kind) in Resource.kinds.enumerated() {
        group.addTask { await self.follow(kind, index, changed) }
      }
    }
  }

  /// Sets the gauges: the resource is missing when no group can be read.
  func refreshGauges() {
    let isMissing = statuses.allSatisfy(\.isMissing)
    let contact = statuses.compactMap(\.lastContact).max()
    let age = contact.map { Double(clock().duration(since: $0).wholeNanoseconds) / 1e9 }
    // An optional resource that is missing is no reason for an alert about its age.
    series.contactAge.set(isMissing ? .nan : age ?? .infinity)
    series.missing.set(isMissing ? 1 : 0)
  }

  private func follow(_ kind: ResourceKind, _ index: Int, _ changed: @escaping @Sendable () -> Void) async {
    let watch = ResourceWatch<Resource>(
      ResourceCollection(kind, namespace: namespace), client: client, status: statuses[index],
      configuration: configuration, logger: logger, clock: clock, isOptional: true
    ) { failure in
      guard failure.isUnavailability else { return }
      self.settle(index)
      self.warnIfMissing()
    }
    await watch.run { change in
      let hasChanged = self.state.withLock { $0.caches[index].apply(change) }
      if hasChanged { changed() }
      self.settle(index)
    }
  }

  private func settle(_ index: Int) {
    let isComplete = state.withLock { state in
      state.settled.insert(index)
      return state.settled.count == Resource.kinds.count
    }
    if isComplete { read.signal() }
  }

  private func warnIfMissing() {
    guard statuses.allSatisfy(\.isMissing) else { return }
    logger.warning(
      "no API group can be read for the resource, which is optional; requests are served without it",
      metadata: [
        "resource": "\(Resource.plural)", "namespace": "\(namespace)",
        "groups": "\(Resource.kinds.map(\.group).joined(separator: ", "))",
      ])
  }
}
