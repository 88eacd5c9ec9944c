import Synchronization
import Testing

@testable import EPPGRPCServer

@Suite struct HealthStateTests {
  @Test func readinessEndsWithDraining() {
    let health = HealthState()
    #expect(!health.isServing)
    health.setReady(true)
    #expect(health.isServing)
    #expect(health.status(of: "any service") == .serving)
    health.startDraining()
    health.setReady(true)
    #expect(!health.isServing)
    #expect(health.status(of: HealthState.livenessService) == .serving)
  }

  /// What an observer does may come back to the state: no lock is held while it is told.
  @Test func observersMayAskForTheStateAndEndTheirObservation() {
    let health = HealthState()
    let seen = Mutex<[HealthState.Status]>([])
    let observation = Mutex<HealthState.Observation?>(nil)
    let made = health.observe {
      seen.withLock { $0.append(health.status(of: HealthState.readinessService)) }
      if health.isServing, let observation = observation.withLock({ $0 }) { health.endObservation(observation) }
    }
    observation.withLock { $0 = made }
    health.setReady(false)
    health.setReady(true)
    health.startDraining()
    #expect(seen.withLock { $0 } == [.notServing, .serving])
  }
}
