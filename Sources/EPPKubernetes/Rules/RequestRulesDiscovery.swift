package import EPPCore
import EPPDataLayer
package import EPPMetrics
package import Logging
import Synchronization

/// Discovers the rules for a pool's requests in Kubernetes: its InferenceObjectives and InferenceModelRewrites. Any task may use
/// it.
///
/// Both kinds are optional. While the API server is unavailable, the last known rules stay in use.
package final class RequestRulesDiscovery: Sendable {
  private let pool: PoolReference
  private let logger: Logger
  private let objectives: PoolObjectWatch<InferenceObjective>
  private let rewrites: PoolObjectWatch<InferenceModelRewrite>
  /// Problems of the current rules, which have been logged.
  private let problems = Mutex<[String]>([])

  /// Prepares the discovery; no request is sent before `run`.
  ///
  /// - Parameters:
  ///   - namespace: Namespace of the pool and of the objects.
  ///   - client: Client of the API server. The caller shuts it down.
  ///   - clock: Returns the current time.
  package init(
    pool: PoolReference, namespace: String, client: KubernetesClient,
    configuration: WatchConfiguration = WatchConfiguration(), metrics: PickerMetrics, logger: Logger,
    clock: @escaping @Sendable () -> MonotonicTime = { .now() }
  ) {
    self.pool = pool
    self.logger = logger
    objectives = PoolObjectWatch(
      namespace: namespace, client: client, configuration: configuration, metrics: metrics, logger: logger,
      clock: clock)
    rewrites = PoolObjectWatch(
      namespace: namespace, client: client, configuration: configuration, metrics: metrics, logger: logger,
      clock: clock)
  }

  /// Waits until both kinds have been listed, or have turned out to be unavailable, or until the task is cancelled.
  ///
  /// - Returns: whether the rules are known.
  package func waitUntilRead() async -> Bool {
    let isRead = await objectives.waitUntilRead()
    return await rewrites.waitUntilRead() && isRead
  }

  /// Lists and watches until the task is cancelled.
  ///
  /// - Parameter apply: Receives the rules after each change, one call after the other.
  package func run(_ apply: @escaping @Sendable (RequestRules) -> Void) async {
    await withDiscardingTaskGroup { group in
      group.addTask { await self.objectives.run { self.update(apply) } }
      group.addTask { await self.rewrites.run { self.update(apply) } }
    }
  }

  /// Sets the gauges of missing resources and of the time since the last contact. Call it before the metrics page is written.
  package func refreshGauges() {
    objectives.refreshGauges()
    rewrites.refreshGauges()
  }

  /// Computes and applies the rules, and logs each new problem.
  private func update(_ apply: (RequestRules) -> Void) {
    // The lock keeps the calls in order: the last one has read the newest objects.
    problems.withLock { logged in
      let current = PoolRules(of: pool, objectives: objectives.objects, rewrites: rewrites.objects)
      apply(current.rules)
      for problem in current.problems where !logged.contains(problem) { logger.warning("\(problem)") }
      logged = current.problems
    }
  }
}
