import EPPCore
import EPPScheduling
import EPPTestKit
import Testing

@Suite struct ListeningFilterTests {
  private func names(refusing: Set<String>, of candidates: [Int] = [0, 1, 2]) -> [String] {
    let snapshot = PoolSnapshot.of(
      ["a", "b", "c"].map { Candidate(name: $0, refusesConnections: refusing.contains($0)) })
    let scheduling = Scheduling(snapshot)
    scheduling.context.subset = .only(candidates.map { snapshot.members[$0].destination })
    return scheduling.candidates()
  }

  @Test func endpointsThatRefuseArePassedOver() {
    #expect(names(refusing: []) == ["a", "b", "c"])
    #expect(names(refusing: ["b"]) == ["a", "c"])
    #expect(names(refusing: ["a", "c"]) == ["b"])
  }

  @Test func whereAllRefuseAllStay() {
    #expect(names(refusing: ["a", "b", "c"]) == ["a", "b", "c"])
    // Others do not count where the gateway does not allow them.
    #expect(names(refusing: ["a"], of: [0]) == ["a"])
    #expect(names(refusing: ["a", "b"], of: [0, 1]) == ["a", "b"])
  }

  @Test func anIdleEndpointThatRefusesLosesToABusyOne() {
    let scheduling = Scheduling([
      Candidate(name: "dead", refusesConnections: true), Candidate(name: "busy", waiting: 20, running: 50, usage: 0.9),
    ])
    let profile = Scheduler(.weighted, seed: Scheduling.seed)
    for _ in 0..<20 { #expect(scheduling.decide(profile)?.picks == [1]) }
  }
}
