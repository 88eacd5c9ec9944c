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
    var observers: [Observation: @Sendable () -> Void] = [:]
    var observations: UInt64 = 0
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
  package func setReady(_ isReady: Bool) { change { $0.isReady = isReady } }

  /// The process is about to stop; there is no way back.
  package func startDraining() { change { $0.isDraining = true } }

  /// Changes the state, and then tells who watches it: outside of the lock, for what they do is not known here.
  private func change(_ body: (inout State) -> Void) {
    let observers = state.withLock { state in
      body(&state)
      return state.observers
    }
    for changed in observers.values { changed() }
  }

  /// Names an observer for as long as it observes.
  struct Observation: Hashable, Sendable {
    fileprivate var number: UInt64
  }

  /// Calls `changed` after every change, on the thread that makes it.
  func observe(_ changed: @escaping @Sendable () -> Void) -> Observation {
    state.withLock { state in
      state.observations += 1
      let observation = Observation(number: state.observations)
      state.observers[observation] = changed
      return observation
    }
  }

  /// Ends an observation. A call that another thread has begun may still come.
  func endObservation(_ observation: Observation) {
    state.withLock { $0.observers[observation] = nil }
  }
}
