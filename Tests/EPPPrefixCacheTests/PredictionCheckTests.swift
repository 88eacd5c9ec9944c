import EPPPrefixCache
import Testing

@Suite struct PredictionCheckTests {
  private var check = PredictionCheck()

  private mutating func note(_ predicted: Int, _ reported: Int, seesPicks: Bool = true) -> PredictionCheck.Verdict {
    check.note(predicted: predicted, reported: reported, blockTokens: 16, seesPicks: seesPicks)
  }

  @Test mutating func twoOfOneKindInARowCount() {
    #expect(note(64, 0) == .wrong(nil))
    #expect(note(64, 0) == .wrong(.holdsLess))
    #expect(note(64, 0) == .wrong(nil))
    #expect(note(64, 48) == .right)
    #expect(note(0, 64) == .wrong(nil))
    #expect(note(0, 64) == .wrong(.holdsMore))
  }

  @Test mutating func oneOfEachKindIsChance() {
    for _ in 0..<5 {
      #expect(note(64, 0) == .wrong(nil))
      #expect(note(0, 64) == .wrong(nil))
    }
    #expect(note(0, 64) == .wrong(.holdsMore))
  }

  @Test mutating func aBurstIsNoContradictionWherePicksAreNotSeen() {
    for _ in 0..<5 { #expect(note(0, 640, seesPicks: false) == .wrong(nil)) }
    #expect(note(640, 0, seesPicks: false) == .wrong(nil))
    #expect(note(0, 640, seesPicks: false) == .wrong(nil))
    #expect(note(640, 0, seesPicks: false) == .wrong(.holdsLess))
  }
}
