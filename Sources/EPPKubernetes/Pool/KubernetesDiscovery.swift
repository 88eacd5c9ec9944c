package import EPPCore
package import EPPDataLayer
package import EPPMetrics
package import Logging
import Synchronization

/// Discovers endpoints in Kubernetes and puts them into the store: the pods of an InferencePool, or the pods that a label
/// selector selects. Any task may use it.
///
/// While the API server is unavailable, the last known endpoints stay in the store.
package final class KubernetesDiscovery: EndpointSource {
  /// An InferencePool, or a definition of pods that needs none.
  package enum Target: Sendable {
    case pool(name: String, group: PoolGroup)
    case pods(PoolEndpoints.Definition)
  }

  /// Target, namespace and settings of a discovery.
  package struct Configuration: Sendable {
    package var target: Target
    /// Namespace of the pool and its pods.
    package var namespace: String
    /// IP literals of this picker, which is never an endpoint.
    package var ownAddresses: [String]
    package var watch = WatchConfiguration()

    package init(target: Target, namespace: String, ownAddresses: [String]) {
      self.target = target
      self.namespace = namespace
      self.ownAddresses = ownAddresses
    }
  }

  private struct Watched: Sendable {
    let status = WatchStatus()
    let series: KubernetesSeries
  }

  private let configuration: Configuration
  private let client: KubernetesClient
  private let store: EndpointStore
  private let logger: Logger
  private let clock: @Sendable () -> MonotonicTime
  private let pods: Watched
  /// Watch of the InferencePool; nil when the target is a definition of pods.
  private let pool: Watched?
  private let join = Mutex(PoolJoin())
  private let found = OneShotEvent()

  /// Prepares the discovery; no request is sent before `run`.
  ///
  /// - Parameters:
  ///   - client: Client of the API server. The caller shuts it down.
  ///   - clock: Returns the current time.
  package init(
    _ configuration: Configuration, client: KubernetesClient, store: EndpointStore, metrics: PickerMetrics,
    logger: Logger, clock: @escaping @Sendable () -> MonotonicTime = { .now() }
  ) {
    self.configuration = configuration
    self.client = client
    self.store = store
    self.logger = logger
    self.clock = clock
    pods = Watched(series: metrics.kubernetesSeries(resource: ResourceKind.pods.plural))
    switch configuration.target {
    case .pool(_, let group):
      pool = Watched(series: metrics.kubernetesSeries(resource: group.kind.plural))
    case .pods: pool = nil
    }
    refreshGauges()
  }

  /// Waits until the pool was found and the endpoints of its pods (possibly none) are in the store, or until the task is
  /// cancelled.
  ///
  /// - Returns: whether the pool was found.
  package func waitUntilRead() async -> Bool { await found.wait() }

  package func run() async {
    let (wanted, want) = AsyncStream<PoolJoin.Wanted?>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let (changes, publish) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

    @Sendable func perform(_ action: PoolJoin.Action) {
      switch action {
      case .nothing: break
      case .follow(let pods): want.yield(pods)
      case .publish: publish.yield()
      case .clear:
        want.yield(nil)
        publish.yield()
      }
    }
    await withDiscardingTaskGroup { group in
      group.addTask { await self.followPods(wanted, perform) }
      group.addTask { await self.publish(changes) }
      switch configuration.target {
      case .pods(let definition): perform(join.withLock { $0.poolChanged(to: definition) })
      case .pool(let name, let group): await followPool(name, group, perform)
      }
    }
  }

  /// Sets the gauges of missing resources and of the time since the last contact, which is infinite before the first one. Call
  /// it before the metrics page is written.
  package func refreshGauges() {
    refresh(pods, isWatched: join.withLock { $0.followsPods })
    if let pool { refresh(pool, isWatched: true) }
  }

  private func refresh(_ watched: Watched, isWatched: Bool) {
    let age = watched.status.lastContact.map { Double(clock().duration(since: $0).wholeNanoseconds) / 1e9 }
    // Without a pool no request about pods is sent. A growing age would raise alerts for no reason.
    watched.series.contactAge.set(isWatched ? age ?? .infinity : .nan)
    watched.series.missing.set(isWatched && watched.status.isMissing ? 1 : 0)
  }

  // MARK: - Pool

  private func followPool(
    _ name: String, _ group: PoolGroup, _ perform: @escaping @Sendable (PoolJoin.Action) -> Void
  ) async {
    guard let pool else { return }
    let collection = ResourceCollection(
      group.kind, namespace: configuration.namespace, fieldSelector: "metadata.name=\(name)")
    let watch = ResourceWatch<InferencePool>(
      collection, client: client, status: pool.status, configuration: configuration.watch, logger: logger, clock: clock)
    let key = ObjectKey(namespace: configuration.namespace, name: name)
    let cache = Mutex(ResourceCache<InferencePool>())
    await watch.run { change in
      let (before, now, isFirst) = cache.withLock { cache in
        let isFirst = !cache.isComplete
        let before = cache.objects[key]
        cache.apply(change)
        return (before, cache.objects[key], isFirst)
      }
      // A pool that is being deleted has no endpoints, as in llm-d.
      let living = now.flatMap { $0.metadata.isTerminating ? nil : $0 }
      self.log(key, living, wasThere: before.map { !$0.metadata.isTerminating } ?? false, isFirst: isFirst)
      perform(self.join.withLock { $0.poolChanged(to: living.map { PoolEndpoints.Definition($0) }) })
    }
  }

  private func log(_ key: ObjectKey, _ pool: InferencePool?, wasThere: Bool, isFirst: Bool) {
    switch (pool, wasThere) {
    case (let pool?, false):
      logger.notice(
        "InferencePool found",
        metadata: [
          "pool": "\(key)", "selector": "\(LabelSelector(matching: pool.selector))",
          "ports": "\(pool.targetPorts.map { String($0) }.joined(separator: ","))",
          "protocol": "\(pool.applicationProtocol.rawValue)", "picker": "\(pool.picker?.name ?? "-")",
        ])
    case (nil, true): logger.warning("InferencePool has gone: there are no endpoints", metadata: ["pool": "\(key)"])
    case (nil, false) where isFirst:
      logger.warning("InferencePool does not exist yet: waiting for it", metadata: ["pool": "\(key)"])
    case (_?, true), (nil, false): break
    }
  }

  // MARK: - Pods

  /// Runs one pod watch at a time, for the last element of `wanted`; nil stops the watch.
  private func followPods(
    _ wanted: AsyncStream<PoolJoin.Wanted?>, _ perform: @escaping @Sendable (PoolJoin.Action) -> Void
  ) async {
    var running: Task<Void, Never>?
    for await next in wanted {
      running?.cancel()
      await running?.value
      guard let next else {
        running = nil
        continue
      }
      let collection = ResourceCollection(
        .pods, namespace: configuration.namespace, labelSelector: next.selector.description)
      let watch = ResourceWatch<Pod>(
        collection, client: client, status: pods.status, configuration: configuration.watch, logger: logger,
        clock: clock)
      running = Task {
        await watch.run { change in
          perform(self.join.withLock { $0.podsChanged(change, generation: next.generation) })
        }
      }
    }
    running?.cancel()
    await running?.value
  }

  /// Updates the store after changes, once for all changes that arrived during the previous update. Logs each new problem.
  private func publish(_ changes: AsyncStream<Void>) async {
    let own = Set(configuration.ownAddresses.compactMap { IPAddress($0) })
    var logged: [EndpointProblem] = []
    for await _ in changes {
      let served = join.withLock { $0.served }
      let pool = served.map { PoolEndpoints($0.definition, pods: $0.pods, ownAddresses: own) }
      let refused = await store.replaceEndpoints(pool?.endpoints ?? [], from: .kubernetes)
      let problems = (pool?.problems ?? []) + refused
      for problem in problems where !logged.contains(problem) { logger.warning("\(problem)") }
      logged = problems
      if served != nil { found.signal() }
    }
  }
}
