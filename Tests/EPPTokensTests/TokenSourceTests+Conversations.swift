import EPPCore
import EPPMetrics
import EPPTokens
import Testing

/// Conversations that grow turn by turn.
extension TokenSourceTests {
  func message(_ role: String, _ content: String) -> String {
    #"{"role": "\#(role)", "content": "\#(content)"}"#
  }

  func chat(_ messages: [String]) -> String {
    #"{"model": "m", "messages": [\#(messages.joined(separator: ", "))], "stream": true}"#
  }

  @Test(arguments: 0..<4 as Range<UInt64>) func aConversationIsRenderedByItsNewTurns(_ seed: UInt64) async throws {
    var random = SplitMix(seed: seed)
    let words = ["the", "fox", "goes", "home", "émigré", "42", "\\n\\n", "func main() {", "  ", "東京", "…"]
    func text() -> String {
      (0..<Int.random(in: 1..<20, using: &random)).map { _ in words.randomElement(using: &random) ?? "" }
        .joined(separator: " ")
    }
    let source = source()
    try await withEngine { engine in
      for _ in 0..<3 {
        var messages = Bool.random(using: &random) ? [message("system", text())] : []
        for _ in 0..<8 {
          messages.append(message("user", text()))
          let whole = self.source { $0.rendersIncrementally = false }
          let expected = try await tokens(whole, chat(messages), at: [engine])
          await whole.shutdown()
          #expect(try await tokens(source, chat(messages), at: [engine]) == expected)
          messages.append(message("assistant", text()))
        }
      }
    }
    // The first ones were compared: each comparison is made after its answer, so some more turns may have been whole.
    #expect(count("incremental") >= 6)
    #expect(page.contains("epp_tokens_mismatches_total 0"))
    await source.shutdown()
  }

  @Test func aTemplateThatDoesNotFitTogetherIsRenderedWhole() async throws {
    // Every token depends on the whole length.
    let server = try await AnswerServer.start { _, body in
      AnswerServer.Answer(
        body: "{\"token_ids\": [\(body.utf8.map { String(Int($0) + body.utf8.count) }.joined(separator: ","))]}")
    }
    let source = source()
    var messages: [String] = []
    for turn in 0..<8 {
      messages.append(message("user", "turn \(turn)"))
      let body = chat(messages)
      let expected = body.utf8.map { UInt32($0) + UInt32(body.utf8.count) }
      #expect(try await tokens(source, body, at: [server.address]) == expected)
      messages.append(message("assistant", "well"))
      // What is compared is compared after the answer.
      if turn == 1 { try await eventually { page.contains("epp_tokens_mismatches_total 1") } }
    }
    #expect(count("incremental") == 0 && count("rendered") == 8)
    #expect(page.contains("epp_tokens_mismatches_total 1"))
    await source.shutdown()
    try await server.stop()
  }

  @Test func whatTheAssistantThoughtIsNotReliedOnToStay() async throws {
    // A template that drops the thoughts of earlier turns, as reasoning models have it: a token per byte.
    let server = try await AnswerServer.start { _, body in
      let isTurn = body.contains(#""role": "user", "content": "second""#)
      let text = isTurn ? body.replacing("(hm)", with: "") : body
      return AnswerServer.Answer(body: "{\"token_ids\": [\(text.utf8.map { String($0) }.joined(separator: ","))]}")
    }
    let source = source()
    let first = [message("user", "first"), message("assistant", "(hm) yes")]
    // The conversation is rendered when it ends with the assistant's words too.
    _ = try await tokens(source, chat(first), at: [server.address])
    let body = chat(first + [message("user", "second")])
    let expected = body.replacing("(hm)", with: "").utf8.map { UInt32($0) }
    #expect(try await tokens(source, body, at: [server.address]) == expected)
    #expect(count("incremental") == 0)
    await source.shutdown()
    try await server.stop()
  }
}

/// SplitMix64: the same numbers in every run.
private struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
