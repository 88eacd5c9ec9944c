import Synchronization

/// What the process says of its health, and who wants to be told when that changes. Any thread may use it.
package final class HealthState: Sendable {
  /// `grpc.health.v1.HealthCheckResponse.ServingStatus`.
  package enum Status: UInt64, Sendable {
    case serving = 1
    case notServing = 2
  }

  /// The services that List names. Without leader election any other name is answered like `readiness`, as probes of
  /// existing deployments expect (`inference-extension` is one of them).
  package static let listedServices = [
    "", livenessService, readinessService, "envoy.service.ext_proc.v3.ExternalProcessor",
  ]
  /// Says only that the process runs: it depends neither on the pool nor on draining.
  package static let livenessService = "liveness"
  package static let readinessService = "readiness"

  private struct State {
    var isReady = false
    var isDraining = false
    var watchers: [ObjectIdentifier: HealthWatcher] = [:]
  }

  private let state = Mutex(State())

  package init() {}

  package func status(of service: String) -> Status {
    if service == Self.livenessService { return .serving }
    return state.withLock { $0.isReady && !$0.isDraining } ? .serving : .notServing
  }

  /// Whether requests should come here.
  package var isServing: Bool { status(of: Self.readinessService) == .serving }

  /// The pool is known and the ports are open.
  package func setReady(_ isReady: Bool) {
    state.withLock { state in
      state.isReady = isReady
      for watcher in state.watchers.values { watcher.wake() }
    }
  }

  /// The process is about to stop; there is no way back.
  package func startDraining() {
    state.withLock { state in
      state.isDraining = true
      for watcher in state.watchers.values { watcher.wake() }
    }
  }

  func add(_ watcher: HealthWatcher) {
    state.withLock { $0.watchers[ObjectIdentifier(watcher)] = watcher }
  }

  /// After this returns the watcher is not woken any more.
  func remove(_ watcher: HealthWatcher) {
    state.withLock { state in
      state.watchers[ObjectIdentifier(watcher)] = nil
    }
  }
}
