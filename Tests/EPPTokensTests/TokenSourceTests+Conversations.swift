import EPPCore
import EPPMetrics
import EPPTestKit
import EPPTokens
import Foundation
import Synchronization
import Testing

/// Conversations that grow turn by turn.
extension TokenSourceTests {
  func message(_ role: String, _ content: String) -> String {
    #"{"role": "\#(role)", "content": "\#(content)"}"#
  }

  func chat(_ messages: some Collection<String>) -> String {
    #"{"model": "m", "messages": [\#(messages.joined(separator: ", "))], "stream": true}"#
  }

  @Test(arguments: 0..<4 as Range<UInt64>) func aConversationIsRenderedByItsNewTurns(_ seed: UInt64) async throws {
    var random = SeededGenerator(seed: seed)
    let words = ["the", "fox", "goes", "home", "émigré", "42", "\\n\\n", "func main() {", "  ", "東京", "…"]
    func text() -> String {
      (0..<Int.random(in: 1..<20, using: &random)).map { _ in words.randomElement(using: &random) ?? "" }
        .joined(separator: " ")
    }
    try await withSource { source in
      try await withEngine { engine in
        for _ in 0..<3 {
          var messages = Bool.random(using: &random) ? [message("system", text())] : []
          for _ in 0..<8 {
            messages.append(message("user", text()))
            let expected = try await withSource {
              $0.rendersIncrementally = false
            } run: { whole in
              try await tokens(whole, chat(messages), at: [engine])
            }
            #expect(try await tokens(source, chat(messages), at: [engine]) == expected)
            messages.append(message("assistant", text()))
          }
        }
      }
      // The first ones were compared: each comparison is made after its answer, so some more turns may have been whole.
      #expect(count("incremental") >= 6)
      #expect(page.contains("epp_tokens_mismatches_total 0"))
    }
  }

  @Test func aTemplateThatDoesNotFitTogetherIsRenderedWhole() async throws {
    // Every token depends on the whole length.
    try await withServer { _, body in
      AnswerServer.Answer(
        body: "{\"token_ids\": [\(body.utf8.map { String(Int($0) + body.utf8.count) }.joined(separator: ","))]}")
    } run: { server in
      try await withSource { source in
        var messages: [String] = []
        for turn in 0..<8 {
          messages.append(message("user", "turn \(turn)"))
          let body = chat(messages)
          let expected = body.utf8.map { UInt32($0) + UInt32(body.utf8.count) }
          #expect(try await tokens(source, body, at: [server.address]) == expected)
          messages.append(message("assistant", "well"))
          // What is compared is compared after the answer.
          if turn == 1 { try await eventually { page.contains("epp_tokens_mismatches_total 1") } }
          // Turn 2 begins what is compared next: what was rendered before a failure is not gone on from.
          if turn == 3 { try await eventually { page.contains("epp_tokens_mismatches_total 2") } }
        }
        #expect(count("incremental") == 0 && count("rendered") == 8)
        #expect(page.contains("epp_tokens_mismatches_total 2"))
      }
    }
  }

  @Test func aTemplateThatWritesTheDateIsLearnedAnew() async throws {
    let date = Mutex("Monday")
    try await withServer { [self] _, body in
      let ids = date.withLock { Array($0.utf8) }.map { UInt32($0) } + reasoningTokens(body)
      return AnswerServer.Answer(body: "{\"token_ids\": [\(ids.map(String.init).joined(separator: ","))]}")
    } run: { server in
      try await withSource { source in
        func expected(_ body: String) -> [UInt32] {
          date.withLock { Array($0.utf8) }.map { UInt32($0) } + reasoningTokens(body)
        }
        func grow(_ messages: inout [String], _ text: String) async throws {
          messages.append(message("user", text))
          #expect(try await tokens(source, chat(messages), at: [server.address]) == expected(chat(messages)))
          messages.append(message("assistant", "yes"))
        }
        // Two conversations go on over midnight, and go on to be rendered by their new turns.
        var (first, second): ([String], [String]) = ([], [])
        try await eventually {
          try await grow(&first, "first")
          try await grow(&second, "second")
          return count("incremental") > 2
        }
        date.withLock { $0 = "Tuesday" }
        let before = count("incremental")
        try await eventually {
          try await grow(&first, "first")
          try await grow(&second, "second")
          return count("incremental") > before
        }
        #expect(page.contains("epp_tokens_mismatches_total 0"))
      }
    }
  }

  /// Goes on with a conversation until it is rendered by its new turns.
  private func earnTrust(_ source: TokenSource, _ messages: inout [String], _ server: AnswerServer) async throws {
    let before = count("incremental")
    try await eventually {
      messages.append(message("user", "again"))
      _ = try await tokens(source, chat(messages), at: [server.address])
      messages.append(message("assistant", "yes"))
      return count("incremental") > before
    }
  }

  @Test func whoWaitsDoesNotWaitForALookAtTheTemplate() async throws {
    let isChanged = Atomic(false)
    let bodies = Mutex<[String]>([])
    try await withServer { [self] _, body in
      let isAfter = isChanged.load(ordering: .relaxed)
      if isAfter { bodies.withLock { $0.append(body) } }
      let ids = (isAfter ? [1] : [2]) + reasoningTokens(body)
      return AnswerServer.Answer(body: "{\"token_ids\": [\(ids.map(String.init).joined(separator: ","))]}")
    } run: { server in
      try await withSource(isFrozen: true) { source in
        var messages: [String] = []
        try await earnTrust(source, &messages, server)
        isChanged.store(true, ordering: .relaxed)
        messages.append(message("user", "again"))
        let body = chat(messages)
        #expect(try await tokens(source, body, at: [server.address]) == [1] + reasoningTokens(body))
        // A look asks for the short message alone, and comes after the whole conversation.
        func look() -> Int? { bodies.withLock { $0.firstIndex { !$0.contains("again") } } }
        try await eventually { look() != nil }
        let first = try #require(look())
        #expect(bodies.withLock { $0[..<first].contains(body) })
      }
    }
  }

  @Test func anEngineThatContradictsAllTheTimeDoesNotKeepConversationsOnTrial() async throws {
    try await withServer { [self] _, body in
      AnswerServer.Answer(
        body: "{\"token_ids\": [\(reasoningTokens(body).map { String($0) }.joined(separator: ","))]}")
    } run: { server in
      try await withSource(isFrozen: true) { source in
        var messages: [String] = []
        for isFirst in [true, false] {
          try await earnTrust(source, &messages, server)
          let before = count("incremental")
          source.invalidate()
          messages.append(message("user", "again"))
          _ = try await tokens(source, chat(messages), at: [server.address])
          messages.append(message("assistant", "yes"))
          #expect(count("incremental") == (isFirst ? before : before + 1), "once a minute, and no more")
        }
      }
    }
  }

  /// A template that drops what the assistant thought in earlier turns, as reasoning models have it: a token per byte.
  private func reasoningTokens(_ body: String) -> [UInt32] {
    struct Request: Decodable {
      struct Message: Decodable {
        var role: String
        var content: String
      }

      var messages: [Message]
      var add_generation_prompt: Bool?
    }
    guard let request = try? JSONDecoder().decode(Request.self, from: Data(body.utf8)) else { return [] }
    let lastQuestion = request.messages.lastIndex { $0.role == "user" } ?? 0
    let texts = request.messages.enumerated().map { position, message in
      let isEarlier = position < lastQuestion && message.role == "assistant"
      return "<\(message.role)>" + (isEarlier ? message.content.replacing("(hm)", with: "") : message.content)
    }
    // Some templates look into what the user says for a wish of how to answer.
    let isOdd = request.messages.last?.content.contains("(odd)") == true
    let question = request.add_generation_prompt == false ? "" : isOdd ? "<assistant><odd>" : "<assistant>"
    return (texts.joined() + question).utf8.map { UInt32($0) }
  }

  @Test func aChatThatDoesNotFitSaysNothingOfOthers() async throws {
    try await withServer { [self] _, body in
      AnswerServer.Answer(
        body: "{\"token_ids\": [\(reasoningTokens(body).map { String($0) }.joined(separator: ","))]}")
    } run: { server in
      try await withSource { source in
        func ask(_ messages: [String]) async throws {
          let body = chat(messages)
          #expect(try await tokens(source, body, at: [server.address]) == reasoningTokens(body))
        }
        var messages: [String] = []
        try await eventually {
          messages += [message("user", "again")]
          try await ask(messages)
          messages += [message("assistant", "yes")]
          return count("incremental") > 0
        }
        for round in 0..<3 {
          let odd = [message("user", "(odd) \(round)")]
          try await ask(odd)
          let before = count("incremental")
          try await ask(odd + [message("assistant", "yes"), message("user", "and then?")])
          #expect(count("incremental") == before)
          messages += [message("user", "again")]
          try await ask(messages)
          messages += [message("assistant", "yes")]
          #expect(count("incremental") == before + 1)
        }
      }
    }
  }

  @Test func whatTheAssistantThoughtIsNotReliedOnToStay() async throws {
    try await withServer { [self] _, body in
      AnswerServer.Answer(
        body: "{\"token_ids\": [\(reasoningTokens(body).map { String($0) }.joined(separator: ","))]}")
    } run: { server in
      try await withSource { source in
        // Conversations without thoughts can be rendered turn by turn, and are after a while.
        var messages: [String] = []
        try await eventually {
          messages += [message("user", "again"), message("assistant", "yes")]
          let body = chat(messages.dropLast())
          let ids = try await tokens(source, body, at: [server.address])
          #expect(ids == reasoningTokens(body))
          return count("incremental") > 0
        }
        // The conversation is rendered when it ends with the assistant's words too.
        let first = [message("user", "first"), message("assistant", "(hm) yes")]
        #expect(try await tokens(source, chat(first), at: [server.address]) == reasoningTokens(chat(first)))
        let body = chat(first + [message("user", "second")])
        #expect(try await tokens(source, body, at: [server.address]) == reasoningTokens(body))
      }
    }
  }
}
