import EPPCore
import Testing

@testable import EPPRouting

@Suite struct TokenCountCheckTests {
  private let now = MonotonicTime(nanoseconds: 1_000_000_000)
  private var later: MonotonicTime { now.advanced(by: TokenCountCheck.pause) }

  private func kind(_ body: String, model: String = "m", api: InferenceAPI = .chatCompletions) throws -> PromptKind {
    let bytes = Array(body.utf8)
    return try #require(unsafe PromptKind(InferenceRequest(api: api, model: model), bytes.span.bytes))
  }

  @Test func aKindIsToldByItsMembersAndNotByWhatTheySay() throws {
    let plain = try kind(#"{"model": "m", "messages": [1]}"#)
    #expect(try kind(#"{"model": "m", "messages": [2, {"a": 3}]}"#) == plain)
    #expect(try kind(#"{"model": "m", "messages": [1], "tools": []}"#) != plain)
    #expect(try kind(#"{"model": "m", "messages": [1]}"#, model: "n") != plain)
    #expect(try kind(#"{"model": "m", "messages": [1]}"#, api: .completions) != plain)
    let bytes = Array("[]".utf8)
    #expect(unsafe PromptKind(InferenceRequest(api: .completions), bytes.span.bytes) == nil)
  }

  @Test func aKindThatDiffersAgainAndAgainIsSetAsideForAWhile() throws {
    let check = TokenCountCheck()
    let (kind, other) = try (kind(#"{"tools": 1}"#), kind("{}"))
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

  @Test func aKindThatNeverCameOutRightSaysNothingOfOthers() throws {
    let check = TokenCountCheck()
    let kind = try kind("{}")
    #expect(!check.note(agrees: false, kind, now: now))
    #expect(!check.note(agrees: true, kind, now: now))
    #expect(check.note(agrees: false, kind, now: now))
  }

  @Test func kindsThatAnybodyMakesUpDoNotFillIt() throws {
    let check = TokenCountCheck()
    for number in 0..<(2 * TokenCountCheck.capacity) {
      _ = check.note(agrees: false, try kind("{\"\(number)\": 1}"), now: now)
    }
    #expect(check.count == TokenCountCheck.capacity)
  }
}
