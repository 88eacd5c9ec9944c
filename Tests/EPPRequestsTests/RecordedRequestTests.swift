import EPPCore
import EPPRequests
import Testing

/// Requests and answers of a real vLLM.
@Suite struct RecordedRequestTests {
  @Test(arguments: [
    ("chat", InferenceAPI.chatCompletions), ("chat-cached", .chatCompletions), ("chat-tools", .chatCompletions),
    ("completion", .completions), ("completion-cached", .completions), ("responses", .responses),
    ("messages-anthropic", .messages), ("messages-count-tokens", .messagesCountTokens),
    ("render-chat-parts", .chatCompletions), ("render-chat-multi-turn", .chatCompletions),
    ("render-completion-token-ids", .completions), ("render-completion-two", .completions),
    ("render-chat-salt", .chatCompletions), ("err-wrong-model", .completions),
  ])
  func requestsAreRead(_ name: String, _ api: InferenceAPI) throws {
    let exchange = try RecordedExchange(name)
    #expect(RequestPath.api(of: exchange.path) == api)
    let parsed = try ParsedRequest(api, exchange.body)
    #expect(!parsed.request.model.isEmpty)
    #expect(parsed.request.promptTokens > 0)
    let range = try #require(parsed.request.modelRange)
    #expect(String(decoding: exchange.body[range], as: UTF8.self) == "\"\(parsed.request.model)\"")
  }

  @Test func detailsAreRead() throws {
    let parts = try RecordedExchange("render-chat-parts")
    #expect(try ParsedRequest(.chatCompletions, parts.body).text == "<message>user<content>Hello <text>world")
    let salted = try RecordedExchange("render-chat-salt")
    #expect(try ParsedRequest(.chatCompletions, salted.body).request.cacheSalt == "tenant-a")
    let tokens = try RecordedExchange("render-completion-token-ids")
    #expect(try ParsedRequest(.completions, tokens.body).prompt.tokens == [9707, 1879])
    let two = try RecordedExchange("render-completion-two")
    #expect(try ParsedRequest(.completions, two.body).prompt.prompts == [0..<11, 11..<14])
    let tools = try RecordedExchange("chat-tools")
    #expect(try ParsedRequest(.chatCompletions, tools.body).segments.count == 5)
  }

  /// vLLM refuses what has no prompt, and says so itself.
  @Test(
    arguments: [("err-missing-messages", nil), ("err-missing-prompt", nil), ("err-bad-json", 400)] as [(String, Int?)])
  func onlyWhatIsNoJSONIsRefused(_ name: String, _ status: Int?) throws {
    let exchange = try RecordedExchange(name)
    var found: Int?
    do throws(Rejection) {
      _ = try ParsedRequest(RequestPath.api(of: exchange.path), exchange.body)
    } catch {
      found = error.status.rawValue
    }
    #expect(found == status)
  }

  @Test(
    arguments: [
      ("chat", TokenUsage(promptTokens: nil, completionTokens: 6, cachedTokens: nil)), ("chat-cached", nil),
      ("messages-anthropic", TokenUsage(promptTokens: 18, completionTokens: 6, cachedTokens: 0)),
      ("responses", TokenUsage(promptTokens: 20, completionTokens: 6, cachedTokens: 0)),
      ("chat-tools", TokenUsage(promptTokens: 169, completionTokens: 6, cachedTokens: 0)),
    ] as [(String, TokenUsage?)])
  func usageOfAnswersIsRead(_ name: String, _ expected: TokenUsage?) throws {
    let answer = try RecordedExchange(name).answer
    var scanner = UsageScanner(.json)
    unsafe scanner.feed(answer.span.bytes)
    let usage = try #require(scanner.usage)
    #expect(usage.completionTokens == 6)
    #expect((usage.promptTokens ?? 0) > 0)
    if let expected, expected.promptTokens != nil { #expect(usage == expected) }
    if name == "chat-cached" { #expect(usage.cachedTokens == 96) }
  }

  @Test(arguments: ["err-missing-messages", "err-wrong-model", "err-bad-json", "messages-count-tokens"])
  func otherAnswersHaveNoUsage(_ name: String) throws {
    let answer = try RecordedExchange(name).answer
    var scanner = UsageScanner(.json)
    unsafe scanner.feed(answer.span.bytes)
    #expect(scanner.usage == nil)
  }
}
