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

  /// As llm-d has it with leader election: other names than the known ones are unknown, and standbys are not ready.
  @Test func onlyTheLeaderIsReady() {
    let leads = Mutex(false)
    let health = HealthState(isLeader: { leads.withLock { $0 } })
    let changes = Mutex(0)
    let observation = health.observe { changes.withLock { $0 += 1 } }
    #expect(!health.isStandby)
    health.setReady(true)
    #expect(health.isStandby && !health.isServing)
    for service in ["", "readiness", "envoy.service.ext_proc.v3.ExternalProcessor"] {
      #expect(health.status(of: service) == .notServing)
    }
    #expect(health.status(of: "liveness") == .serving && health.status(of: "inference-extension") == .serviceUnknown)
    leads.withLock { $0 = true }
    health.noteLeadership()
    #expect(health.isServing && !health.isStandby && changes.withLock { $0 } == 2)
    // Without a word from anybody: each answer asks.
    leads.withLock { $0 = false }
    #expect(!health.isServing)
    health.startDraining()
    #expect(!health.isStandby)
    health.endObservation(observation)
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
