import EPPCore
import EPPRequests
import Testing

/// Requests and answers of vLLM's gRPC API, as protobuf encodes them.
@Suite struct VLLMGRPCTests {
  // GenerateRequest{request_id: "r1", tokenized{original_text: "ab", input_ids: [1, 300, 70000]}, sampling_params{n: 2}, stream: true}
  private static let tokenized: [UInt8] = [
    0x0A, 0x02, 0x72, 0x31, 0x12, 0x0C, 0x0A, 0x02, 0x61, 0x62, 0x12, 0x06, 0x01, 0xAC, 0x02, 0xF0, 0xA2, 0x04, 0x22,
    0x02, 0x78, 0x02, 0x28, 0x01,
  ]
  // GenerateRequest{text: "hello", sampling_params{temperature: 0.5, prompt_logprobs: 1}}
  private static let text: [UInt8] = [
    0x1A, 0x05, 0x68, 0x65, 0x6C, 0x6C, 0x6F, 0x22, 0x08, 0x0D, 0x00, 0x00, 0x00, 0x3F, 0xB8, 0x01, 0x01,
  ]

  private static func frame(_ message: [UInt8], isCompressed: Bool = false, length: Int? = nil) -> [UInt8] {
    let length = length ?? message.count
    return [isCompressed ? 1 : 0] + [24, 16, 8, 0].map { UInt8(length >> $0 & 0xFF) } + message
  }

  // MARK: - Requests

  @Test func tokenIDsAreThePrompt() throws {
    let read = try ParsedRequest(.vllmGRPCGenerate, Self.frame(Self.tokenized))
    #expect(read.prompt.tokens == [1, 300, 70000])
    #expect(read.prompt.bytes.isEmpty)
    #expect(read.prompt.prompts == [0..<3])
    #expect(read.request.promptTokens == 3)
    #expect(read.request.choices == 2)
    #expect(!read.request.readsNoCache)
    #expect(read.request.model.isEmpty)
    #expect(read.request.modelRange == nil)
  }

  @Test func aTextIsThePrompt() throws {
    let read = try ParsedRequest(.vllmGRPCGenerate, Self.frame(Self.text))
    #expect(read.text == "hello")
    #expect(read.prompt.prompts == [0..<5])
    #expect(read.request.readsNoCache)
  }

  /// Ids may also be written one by one, and the last prompt counts.
  @Test func theLastOfTwoPromptsCounts() throws {
    let ids: [UInt8] = [0x12, 0x04, 0x10, 0x07, 0x10, 0x08]
    #expect(try ParsedRequest(.vllmGRPCEmbed, Self.frame(Self.text + ids)).prompt.tokens == [7, 8])
    let both = try ParsedRequest(.vllmGRPCGenerate, Self.frame(ids + Self.text))
    #expect(both.prompt.tokens.isEmpty && both.text == "hello")
  }

  /// Such a request is routed without its prompt; the engine says what is wrong.
  @Test(
    arguments: [
      [], [0], Array(frame(text).dropLast()), frame(text, isCompressed: true), frame(text, length: 4_000_000_000),
      frame([0x1A, 0x7F, 0x61]), frame([0x1A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]),
      frame(text + [0x00, 0x01]), frame(text + [0x13]), frame([0x12, 0x03, 0x12, 0x01, 0x80]), frame([]),
    ] as [[UInt8]]) func aMessageThatCannotBeReadHasNoPrompt(_ body: [UInt8]) throws
  {
    let read = try ParsedRequest(.vllmGRPCGenerate, body)
    #expect(read.prompt.prompts.isEmpty && read.prompt.bytes.isEmpty && read.prompt.tokens.isEmpty)
    #expect(read.request.bodyBytes == body.count)
    #expect(read.request.promptTokens == 0)
  }

  @Test func noBytesBreakTheParser() throws {
    var random = SplitMix64(seed: 7)
    for _ in 0..<2000 {
      var body = Self.frame(Bool.random(using: &random) ? Self.tokenized : Self.text)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        body[Int.random(in: 0..<body.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      let read = try ParsedRequest(.vllmGRPCGenerate, body)
      #expect(
        read.prompt.prompts.allSatisfy { $0.upperBound <= max(read.prompt.bytes.count, read.prompt.tokens.count) })
    }
  }

  // MARK: - Answers

  // GenerateResponse{request_id: "r", chunk{token_ids: [9, 400], prompt_tokens: 33, completion_tokens: 2, cached_tokens: 32}}
  private static let chunk = frame([
    0x0A, 0x01, 0x72, 0x12, 0x0B, 0x0A, 0x03, 0x09, 0x90, 0x03, 0x10, 0x21, 0x18, 0x02, 0x20, 0x20,
  ])
  // GenerateResponse{complete{output_ids: [9], finish_reason: "stop", prompt_tokens: 33, completion_tokens: 7}}
  private static let complete = frame([
    0x1A, 0x0D, 0x0A, 0x01, 0x09, 0x12, 0x04, 0x73, 0x74, 0x6F, 0x70, 0x18, 0x21, 0x20, 0x07,
  ])

  private func scan(_ answer: [UInt8], pieces: Int, _ api: InferenceAPI = .vllmGRPCGenerate) -> AnswerScanner {
    var scanner = AnswerScanner(api, isEventStream: false)
    var start = 0
    while start < answer.count {
      let piece = Array(answer[start..<min(answer.count, start + pieces)])
      unsafe scanner.feed(piece.span.bytes)
      start += pieces
    }
    return scanner
  }

  @Test(arguments: [1, 2, 7, 1000]) func anAnswerIsReadInPiecesOfAnySize(_ pieces: Int) {
    let streamed = scan(Self.chunk + Self.chunk + Self.complete, pieces: pieces)
    #expect(streamed.usage == TokenUsage(promptTokens: 33, completionTokens: 4, cachedTokens: 0))
    #expect(
      scan(Self.chunk, pieces: pieces).usage == TokenUsage(promptTokens: 33, completionTokens: 2, cachedTokens: 32))
    #expect(
      scan(Self.complete, pieces: pieces).usage == TokenUsage(promptTokens: 33, completionTokens: 7, cachedTokens: 0))
    #expect(streamed.hasFirstToken && !streamed.hasError)
  }

  @Test(arguments: [1, 1000]) func embeddingsHaveOtherFields(_ pieces: Int) {
    // EmbedResponse{complete{embedding: [1.0], prompt_tokens: 5, embedding_dim: 1}}
    let answer = Self.frame([0x12, 0x0A, 0x0A, 0x04, 0x00, 0x00, 0x80, 0x3F, 0x10, 0x05, 0x18, 0x01])
    #expect(scan(answer, pieces: pieces, .vllmGRPCEmbed).usage == TokenUsage(promptTokens: 5))
    #expect(scan(Self.frame([0x1A, 0x03, 0x0A, 0x01, 0x65]), pieces: pieces, .vllmGRPCEmbed).hasError)
  }

  @Test func anErrorIsSeenAndIsNoUsage() {
    let failed = scan(Self.frame([0x22, 0x03, 0x0A, 0x01, 0x65]), pieces: 3)
    #expect(failed.hasError && failed.usage == nil)
  }

  /// A message that is too long to be kept, or compressed, is passed over whatever it is cut into.
  @Test(arguments: [1 << 10, 1 << 20]) func whatCannotBeReadIsPassedOver(_ pieces: Int) {
    let long = Self.frame([UInt8](repeating: 0x1A, count: 300 << 10))
    let packed = Self.frame([UInt8](repeating: 0xFF, count: 3000), isCompressed: true)
    let scanned = scan(long + packed + Self.complete, pieces: pieces)
    #expect(scanned.usage == TokenUsage(promptTokens: 33, completionTokens: 7, cachedTokens: 0))
    #expect(scanned.hasFirstToken)
  }
}
