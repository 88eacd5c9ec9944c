import EPPCore
import EPPRequests
import EPPTestKit
import Testing

/// Bodies that nobody would send.
@Suite struct RequestParserFuzzTests {
  private static let apis: [InferenceAPI] = [
    .chatCompletions, .completions, .embeddings, .responses, .conversations, .imageGenerations, .messages,
    .messagesCountTokens,
  ]

  private static let bodies: [String] = [
    #"{"model":"m","stream":true,"messages":[{"role":"system","content":"a\n\u00e9"},{"role":"user","content":[{"type":"text","text":"b"},{"type":"image_url","image_url":{"url":"data:x"}}]},{"role":"assistant","content":null,"tool_calls":[{"id":"c","function":{"arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"c","content":"x"}],"tools":[{"type":"function","function":{"name":"f"}}],"max_tokens":5}"#,
    #"{"prompt":["ab","cd é 天 😀"],"model":"m","max_tokens":1e5,"cache_salt":"s"}"#,
    #"{"input":[[1,2,3],[4,5,4294967295]],"prompt":[1,2,3],"model":"m"}"#,
    #"{"model":"\uD83D\uDE00","system":[{"type":"text","text":"s","cache_control":{}}],"instructions":"i","input":"text","items":[{"a":{"b":[true,false,null,-1.5e3]}}],"messages":[{"role":"user","content":"hi"}]}"#,
  ]

  @Test(arguments: [101, 102, 103, 104]) func changedBodiesNeverTrap(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var accepted = 0
    for _ in 0..<6000 {
      var body = Array((Self.bodies.randomElement(using: &generator) ?? "").utf8)
      for _ in 0..<Int.random(in: 0...4, using: &generator) { mutate(&body, &generator) }
      let api = Self.apis.randomElement(using: &generator) ?? .completions
      guard let parsed = try? ParsedRequest(api, body) else { continue }
      accepted += 1
      try check(parsed, api, body)
    }
    #expect(accepted > 400)
  }

  @Test func randomBytesNeverTrap() {
    var generator = SeededGenerator(seed: 7)
    let letters = Array("{}[]\",:\\u019eE+-.truefalsn \n".utf8) + [0x00, 0x80, 0xC3, 0xE2, 0xF0, 0xFF]
    for _ in 0..<20_000 {
      let count = Int.random(in: 0...40, using: &generator)
      let body = (0..<count).map { _ in letters.randomElement(using: &generator) ?? 0 }
      _ = try? ParsedRequest(Self.apis.randomElement(using: &generator) ?? .completions, body)
    }
  }

  /// A body without its tail is never taken for a whole one.
  @Test func noHeadOfABodyIsABody() {
    for (index, body) in Self.bodies.enumerated() {
      let bytes = Array(body.utf8)
      for count in bytes.indices {
        #expect(throws: Rejection.self) { try ParsedRequest(Self.apis[index], Array(bytes[..<count])) }
      }
    }
  }

  private func check(_ parsed: ParsedRequest, _ api: InferenceAPI, _ body: [UInt8]) throws {
    let prompt = parsed.prompt
    #expect(prompt.bytes.isEmpty != prompt.tokens.isEmpty || prompt.prompts.isEmpty)
    if prompt.prompts.isEmpty {
      #expect(prompt.bytes.isEmpty && prompt.tokens.isEmpty && parsed.request.promptTokens == 0)
      return
    }
    let count = prompt.isTokens ? prompt.tokens.count : prompt.bytes.count
    var end = 0
    for range in prompt.prompts {
      #expect(range.lowerBound == end && !range.isEmpty)
      end = range.upperBound
    }
    #expect(end == count)

    var request = parsed.request
    request.targetModel = "other \"model\"\n\\ é"
    let rewrite = try #require(ModelRewrite(request))
    let rewritten = Array(body[rewrite.prefix]) + rewrite.replacement + Array(body[rewrite.suffix])
    let again = try ParsedRequest(api, rewritten)
    #expect(again.request.model == request.targetModel)
    #expect(again.prompt.bytes == prompt.bytes)
    #expect(again.prompt.tokens == prompt.tokens)
  }
}
