import Synchronization

/// The health of the process as the health service reports it, and the observers of its changes. Any thread may use it.
package final class HealthState: Sendable {
  /// A status with its number in `grpc.health.v1.HealthCheckResponse.ServingStatus`.
  package enum Status: UInt64, Sendable {
    case serving = 1
    case notServing = 2
    case serviceUnknown = 3
  }

  /// The services that the method List returns. Any other name has the status of `readiness` without leader election, as probes
  /// of existing deployments expect it (`inference-extension` for example), and is unknown with leader election.
  package static let listedServices = [
    "", livenessService, readinessService, "envoy.service.ext_proc.v3.ExternalProcessor",
  ]
  /// The service that is serving as long as the process runs, independent of readiness and draining.
  package static let livenessService = "liveness"
  /// The service that is serving while the process is ready and not draining.
  package static let readinessService = "readiness"

  private struct State {
    var isReady = false
    var isDraining = false
    var observers: [Observation: @Sendable () -> Void] = [:]
    var observations: UInt64 = 0
  }

  private let state = Mutex(State())
  private let isLeader: (@Sendable () -> Bool)?

  /// Makes the state of a process that is not ready.
  ///
  /// - Parameter isLeader: Returns whether this process leads, asked for each status; nil without leader election.
  package init(isLeader: (@Sendable () -> Bool)? = nil) { self.isLeader = isLeader }

  /// Returns the status of a service now.
  package func status(of service: String) -> Status {
    if service == Self.livenessService { return .serving }
    if isLeader != nil, !Self.listedServices.contains(service) { return .serviceUnknown }
    guard state.withLock({ $0.isReady && !$0.isDraining }), isLeader?() ?? true else { return .notServing }
    return .serving
  }

  /// Whether the process could serve, and does not lead.
  package var isStandby: Bool { state.withLock { $0.isReady && !$0.isDraining } && !isServing }

  /// Calls all observers, because this process has begun or ceased to lead.
  package func noteLeadership() { change { _ in } }

  /// Whether the process is ready, leads and is not draining.
  package var isServing: Bool { status(of: Self.readinessService) == .serving }

  /// Sets whether the process is ready: its endpoints are known and its ports are open.
  package func setReady(_ isReady: Bool) { change { $0.isReady = isReady } }

  /// Reports NOT_SERVING from now on, because the process is about to stop. It cannot be undone.
  package func startDraining() { change { $0.isDraining = true } }

  /// Changes the state, and then calls all observers, without holding the lock.
  private func change(_ body: (inout State) -> Void) {
    let observers = state.withLock { state in
      body(&state)
      return state.observers
    }
    for changed in observers.values { changed() }
  }

  /// Identifies an observer, for `endObservation`.
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

  /// Ends an observation. A change on another thread may still call the observer once after this has returned.
  func endObservation(_ observation: Observation) {
    state.withLock { $0.observers[observation] = nil }
  }
}
