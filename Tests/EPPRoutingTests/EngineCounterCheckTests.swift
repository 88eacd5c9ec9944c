import EPPPrefixCache
import Testing

@testable import EPPRouting

@Suite struct EngineCounterCheckTests {
  /// One window of a check that has begun: nothing for 29 seconds, the verdict in the 30th.
  private func window(_ check: inout EngineCounterCheck, _ reading: EngineCounterCheck.Reading) -> EngineCounterCheck
    .Verdict?
  {
    for _ in 0..<29 { #expect(check.note(reading) == nil) }
    return check.note(reading)
  }

  private func reading(
    queried: UInt64, hits: UInt64, predicted: Int, sent: Int? = nil, exact: Int? = nil, announced: Int? = nil
  ) -> EngineCounterCheck.Reading {
    EngineCounterCheck.Reading(
      engineQueried: queried, engineHits: hits, sent: sent ?? Int(queried), exact: exact ?? sent ?? Int(queried),
      predicted: predicted, announced: announced ?? predicted)
  }

  private func begun() -> EngineCounterCheck {
    var check = EngineCounterCheck()
    #expect(check.note(reading(queried: 0, hits: 0, predicted: 0)) == nil)
    return check
  }

  @Test func countersThatAgreeAreRight() {
    var check = begun()
    #expect(window(&check, reading(queried: 100_000, hits: 50_000, predicted: 45_000)) == .right(error: 0.05))
    #expect(window(&check, reading(queried: 200_000, hits: 100_000, predicted: 95_000)) == .right(error: 0))
  }

  @Test func twoWrongWindowsInARowAreLearnedAnew() {
    var check = begun()
    #expect(
      window(&check, reading(queried: 100_000, hits: 50_000, predicted: 10_000))
        == .wrong(error: 0.4, nil))
    #expect(
      window(&check, reading(queried: 200_000, hits: 100_000, predicted: 20_000))
        == .wrong(error: 0.4, .holdsMore))
    #expect(
      window(&check, reading(queried: 300_000, hits: 100_000, predicted: 60_000))
        == .wrong(error: 0.4, nil))
  }

  @Test func blocksThatAreNeverAskedForAreNoticed() {
    var check = begun()
    #expect(window(&check, reading(queried: 100_000, hits: 50_000, predicted: 0)) == .nothingMatches)
  }

  @Test func whatWasJustSentThereDoesNotHideThatNothingMatches() {
    var check = begun()
    let first = reading(queried: 100_000, hits: 50_000, predicted: 48_000, announced: 0)
    #expect(window(&check, first) == .nothingMatches)
    let second = reading(queried: 200_000, hits: 100_000, predicted: 60_000, announced: 0)
    #expect(window(&check, second) == .nothingMatches)
    // Where the engine found little, there was nothing to be announced.
    let third = reading(queried: 300_000, hits: 105_000, predicted: 64_000, announced: 0)
    #expect(window(&check, third) == .right(error: 0.01))
  }

  @Test func windowsThatSayNothingAreLeftOut() {
    var check = begun()
    // Too few tokens: the window goes on.
    #expect(window(&check, reading(queried: 10_000, hits: 5000, predicted: 0)) == nil)
    // Half of the prompts came from elsewhere; then half were matched by their text.
    #expect(window(&check, reading(queried: 100_000, hits: 50_000, predicted: 0, sent: 50_000)) == nil)
    #expect(
      window(&check, reading(queried: 200_000, hits: 100_000, predicted: 0, sent: 150_000, exact: 100_000)) == nil)
    // The engine was started anew.
    #expect(check.note(reading(queried: 50, hits: 0, predicted: 0, sent: 300_000, exact: 300_000)) == nil)
  }
}
