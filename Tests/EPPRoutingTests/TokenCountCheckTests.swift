import EPPCore
import Testing

@testable import EPPRouting

@Suite struct TokenCountCheckTests {
  private let now = MonotonicTime(nanoseconds: 1_000_000_000)
  private var later: MonotonicTime { now.advanced(by: TokenCountCheck.pause) }

  private func kind(_ memberNames: Int, model: String = "m", api: InferenceAPI = .chatCompletions) -> PromptKind {
    PromptKind(InferenceRequest(api: api, model: model, memberNames: memberNames))
  }

  @Test func aKindIsToldByAPIModelAndMembers() {
    let plain = kind(1)
    #expect(kind(1) == plain)
    #expect(kind(2) != plain)
    #expect(kind(1, model: "n") != plain)
    #expect(kind(1, api: .completions) != plain)
  }

  @Test func aKindThatDiffersAgainAndAgainIsSetAsideForAWhile() {
    let check = TokenCountCheck()
    let (kind, other) = (kind(1), kind(2))
    for _ in 0..<10 {
      for _ in 0..<(TokenCountCheck.tolerated - 1) { _ = check.note(agrees: false, kind, now: now) }
      _ = check.note(agrees: true, kind, now: now)
    }
    #expect(!check.isSetAside(kind, now: now), "it comes out right between")
    for _ in 0..<TokenCountCheck.tolerated { _ = check.note(agrees: false, kind, now: now) }
    #expect(check.isSetAside(kind, now: now) && !check.isSetAside(other, now: now))
    // Those that were sent before do not make it any longer.
    #expect(!check.note(agrees: false, kind, now: now.advanced(by: .seconds(100))))
    #expect(!check.isSetAside(kind, now: later))
    // One is enough then.
    _ = check.note(agrees: false, kind, now: later)
    #expect(check.isSetAside(kind, now: later))
    let last = later.advanced(by: TokenCountCheck.pause)
    _ = check.note(agrees: true, kind, now: last)
    _ = check.note(agrees: false, kind, now: last)
    #expect(!check.isSetAside(kind, now: last))
  }

  @Test func aKindThatNeverCameOutRightSaysNothingOfOthers() {
    let check = TokenCountCheck()
    let kind = kind(1)
    #expect(!check.note(agrees: false, kind, now: now))
    #expect(!check.note(agrees: true, kind, now: now))
    #expect(check.note(agrees: false, kind, now: now))
  }

  @Test func kindsThatAnybodyMakesUpDoNotFillIt() {
    let check = TokenCountCheck()
    for number in 0..<(2 * TokenCountCheck.capacity) {
      _ = check.note(agrees: false, kind(number), now: now)
    }
    #expect(check.count == TokenCountCheck.capacity)
  }
}
