import EPPCore
import EPPScheduling
import EPPTestKit
import Testing

@Suite struct AffinityScorerTests {
  private var four: [Candidate] { ["a", "b", "c", "d"].map { Candidate(name: $0) } }

  @Test func thePrefixScoreIsTheShareThatIsHeld() {
    let scheduling = Scheduling(four)
    scheduling.hold([0, 5, 10, 20], of: 20)
    #expect(scheduling.scores(.prefixCache) == [0, 0.25, 0.5, 1])
  }

  @Test func theLengthOfTheMatchIsMixedInByItsWeight() {
    let scheduling = Scheduling(four)
    // 5 blocks are 80 tokens: half of the scale, squared a quarter; past the scale it is 1.
    scheduling.hold([0, 5, 10, 20], of: 20)
    let scores = scheduling.scores(.prefixCache(matchLengthWeight: 0.4, scale: 160))
    let expected = [0, 0.4 * 0.25 + 0.6 * 0.25, 0.4 + 0.6 * 0.5, 1]
    for (score, wanted) in zip(scores, expected) { #expect(abs(score - wanted) < 1e-12) }
  }

  @Test func aPromptWithoutAFullBlockHasNoPrefixScore() {
    let scheduling = Scheduling(four)
    #expect(scheduling.scores(.prefixCache(matchLengthWeight: 1)) == [0, 0, 0, 0])
  }

  @Test func loRAAdaptersAreScoredByTheirState() {
    let scheduling = Scheduling([
      Candidate(name: "running", loRA: .init(maximum: 1, running: ["m"])),
      Candidate(name: "room", loRA: .init(maximum: 3, running: ["x"], waiting: ["y"])),
      Candidate(name: "waiting", loRA: .init(maximum: 2, running: ["x"], waiting: ["m"])),
      Candidate(name: "full", loRA: .init(maximum: 2, running: ["x", "y"])),
      Candidate(name: "none"),
    ])
    #expect(scheduling.scores(.loRAAffinity) == [1, 0.8, 0.6, 0, 0])
    // Room comes before waiting, and what runs before both.
    let other = Scheduling([
      Candidate(name: "a", loRA: .init(maximum: 4, running: [], waiting: ["m"])),
      Candidate(name: "b", loRA: .init(maximum: 4, running: ["m"], waiting: ["m"])),
    ])
    #expect(other.scores(.loRAAffinity) == [0.8, 1])
  }

  /// vLLM lists an adapter in both places when requests for it run and wait.
  @Test func anAdapterThatRunsAndWaitsTakesOneSlot() {
    let scheduling = Scheduling([
      Candidate(name: "room", loRA: .init(maximum: 4, running: ["x", "y"], waiting: ["x", "y"])),
      Candidate(name: "full", loRA: .init(maximum: 2, running: ["x", "y"], waiting: ["x", "y"])),
      Candidate(name: "waits", loRA: .init(maximum: 3, running: ["x", "y"], waiting: ["y", "z"])),
    ])
    #expect(scheduling.scores(.loRAAffinity) == [0.8, 0, 0])
  }

  @Test func theAdapterIsTheModelThatTheEngineIsAskedFor() {
    let scheduling = Scheduling([Candidate(name: "a", loRA: .init(maximum: 1, running: ["rewritten"]))])
    scheduling.request = InferenceRequest(api: .completions, model: "m", targetModel: "rewritten")
    #expect(scheduling.scores(.loRAAffinity) == [1])
  }
}
