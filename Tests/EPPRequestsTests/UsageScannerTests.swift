import EPPCore
import EPPRequests
import EPPTestKit
import Testing

@Suite struct UsageScannerTests {
  private func scan(_ format: UsageScanner.Format, _ pieces: [[UInt8]]) -> UsageScanner {
    var scanner = UsageScanner(format)
    for piece in pieces { unsafe scanner.feed(piece.span.bytes) }
    return scanner
  }

  private func scan(_ format: UsageScanner.Format, _ text: String) -> UsageScanner { scan(format, [Array(text.utf8)]) }

  /// In one piece, in two at every place, and in pieces of one to seven bytes, the outcome is the same.
  private func expectSame(
    _ format: UsageScanner.Format, _ bytes: [UInt8], _ usage: TokenUsage?, events: Int,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var cuttings = [[bytes]]
    for size in 1...7 {
      cuttings.append(
        stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min(bytes.count, $0 + size)]) })
    }
    for cut in bytes.indices { cuttings.append([Array(bytes[..<cut]), Array(bytes[cut...])]) }
    for cutting in cuttings {
      let scanner = scan(format, cutting)
      guard scanner.usage == usage, scanner.hasFirstToken == (format == .json || events > 0) else {
        Issue.record(
          "pieces from \(cutting.first?.count ?? 0) bytes: \(String(describing: scanner.usage)), \(scanner.hasFirstToken)",
          sourceLocation: sourceLocation)
        return
      }
    }
  }

  // MARK: - Events of several lines, errors, numbers

  /// An event's JSON may stand in several lines of data, and lines may end in three ways.
  @Test(arguments: ["\n", "\r\n", "\r"], 0..<5) func anEventMayHaveSeveralLines(end: String, cut: Int) {
    let lines = [
      #"{"id":"1","choices":[],"#, #""usage":"#, #"{"prompt_tokens":7,"#, #""completion_tokens":"#, #"2}}"#,
    ]
    let whole = lines[...cut].joined()
    let event = ([whole] + lines.dropFirst(cut + 1)).map { "data: \($0)\(end)" }.joined() + end
    let other = "data: {\"id\":\"1\"}\(end)\(end)"
    expectSame(
      .eventStream, Array((other + event + other + "data: [DONE]\(end)\(end)").utf8),
      TokenUsage(promptTokens: 7, completionTokens: 2, cachedTokens: nil), events: 3)
  }

  /// What a line begins belongs to its own event.
  @Test func anEventEndsWithAnEmptyLine() {
    let text = "data: {\"usage\":\n\ndata: {\"prompt_tokens\":7}}\n\n"
    expectSame(.eventStream, Array(text.utf8), nil, events: 2)
  }

  @Test(arguments: [("10.0", 10), ("1e1", 10), ("1.0E+1", 10), ("10.5", nil), ("-1", nil), ("1e400", nil), ("0.0", 0)])
  func wholeNumbersMayBeWrittenWithAFraction(text: String, count: Int?) {
    let scanner = scan(.json, #"{"usage":{"prompt_tokens":\#(text),"completion_tokens":1}}"#)
    #expect(scanner.usage?.promptTokens == count)
    #expect(scanner.usage?.completionTokens == 1)
  }

  @Test(
    arguments: [
      (#"{"error":{"message":"gone"}}"#, true), (#" { "error" : "gone" }"#, true), (#"{"error":null,"id":"1"}"#, false),
      (#"{"object":"error","message":"gone"}"#, true), (#"{"type":"error","error":{}}"#, true),
      (#"{"object":"text_completion","error":1}"#, false), (#"{"id":"1","choices":[{"text":"\"error\""}]}"#, false),
      (#"{"errors":1}"#, false), (#"["error"]"#, false), (#"{"error"#, false),
    ] as [(String, Bool)])
  func anErrorInTheMiddleOfAStreamIsSeen(event: String, isError: Bool) {
    let bytes = Array("data: {\"id\":\"1\"}\n\ndata: \(event)\n\ndata: [DONE]\n\n".utf8)
    for size in 1...bytes.count {
      let pieces = stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min(bytes.count, $0 + size)]) }
      #expect(scan(.eventStream, pieces).hasError == isError, "pieces of \(size)")
    }
  }

  // MARK: - Recorded streams

  @Test func aChatStreamHasUsageAtItsEnd() throws {
    expectSame(
      .eventStream, Array(try fixture("chat-stream-usage.raw.txt")),
      TokenUsage(promptTokens: 102, completionTokens: 6, cachedTokens: 96), events: 8)
  }

  @Test func continuousUsageCountsUp() throws {
    let bytes = Array(try fixture("completion-stream-continuous-usage.raw.txt"))
    let usage = try #require(scan(.eventStream, [bytes]).usage)
    #expect(usage.promptTokens == 121)
    #expect(usage.completionTokens == 6)
    let events = String(decoding: bytes, as: UTF8.self).components(of: "data: {")
    expectSame(.eventStream, bytes, usage, events: events)
  }

  @Test func aStreamWithoutUsageHasNone() throws {
    let bytes = Array(try fixture("completion-stream-no-usage.raw.txt"))
    let events = String(decoding: bytes, as: UTF8.self).components(of: "data: {")
    expectSame(.eventStream, bytes, nil, events: events)
  }

  @Test(arguments: ["chat-cached", "messages-anthropic", "responses", "chat-tools"])
  func recordedAnswersAreReadInEveryCutting(_ name: String) throws {
    let answer = try RecordedExchange(name).answer
    expectSame(.json, answer, scan(.json, [answer]).usage, events: 0)
  }

  // MARK: - Other APIs

  @Test func responsesHaveTheirUsageInside() {
    let stream = """
      event: response.created\r\ndata: {"type":"response.created","response":{"id":"r","usage":null}}\r\n\r\n\
      event: response.output_text.delta\r\ndata: {"type":"response.output_text.delta","delta":"\\"usage\\":{\\"input_tokens\\":9}"}\r\n\r\n\
      event: response.completed\r\ndata: {"type":"response.completed","response":{"id":"r","output":[{"usage":{"input_tokens":1}}],\
      "usage":{"input_tokens":20,"input_tokens_details":{"cached_tokens":16},"output_tokens":6,"total_tokens":26}}}\r\n\r\n
      """
    expectSame(
      .eventStream, Array(stream.utf8), TokenUsage(promptTokens: 20, completionTokens: 6, cachedTokens: 16), events: 3)
  }

  @Test func anthropicsUsageIsMergedFieldByField() {
    let stream = """
      event: message_start
      data: {"type":"message_start","message":{"id":"m","usage":{"input_tokens":25,"cache_read_input_tokens":16,"output_tokens":1}}}

      event: content_block_delta
      data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"usage"}}

      event: message_delta
      data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}}

      event: message_stop
      data: {"type":"message_stop"}


      """
    expectSame(
      .eventStream, Array(stream.utf8), TokenUsage(promptTokens: 25, completionTokens: 15, cachedTokens: 16), events: 4)
  }

  // MARK: - What is not usage

  @Test(arguments: [
    #"{"choices":[{"usage":{"prompt_tokens":1}}]}"#, #"{"a":{"usage":{"prompt_tokens":1}}}"#,
    #"[{"usage":{"prompt_tokens":1}}]"#,
    #"{"text":"\"usage\":{\"prompt_tokens\":1}"}"#, #"{"usage":null}"#, #"{"usage":5}"#, #"{"usage":"prompt_tokens"}"#,
    #"{"usage":[{"prompt_tokens":1}]}"#, #"{"usage":{}}"#, #"{"usage":{"prompt_tokens":"1"}}"#,
    #"{"usage2":{"prompt_tokens":1}}"#,
    #"{"xusage":{"prompt_tokens":1}}"#, #"{"error":{"message":"x","code":400}}"#,
    #"{"a":"usage","b":{"prompt_tokens":1}}"#,
    #"{"response":{"a":{"usage":{"prompt_tokens":1}}}}"#, #"{"response":[{"usage":{"prompt_tokens":1}}]}"#,
    #"{"response":5,"b":{"usage":{"prompt_tokens":1}}}"#,
    #"{"usage":{"prompt_tokens":x}}"#,
    #"{"a\\":{"usage":{"prompt_tokens":1}}}"#, "", "{", "}}}}]]", #"{"usage"#,
  ])
  func otherThingsAreNotUsage(_ text: String) {
    #expect(scan(.json, text).usage == nil)
    #expect(scan(.eventStream, "data: \(text)\n\n").usage == nil)
    for count in 0...text.utf8.count {
      let bytes = Array(text.utf8)
      #expect(scan(.json, [Array(bytes[..<count]), Array(bytes[count...])]).usage == nil)
    }
  }

  @Test(arguments: [
    #"{"usage":{"prompt_tokens":7}}"#, #" { "usage" : { "prompt_tokens" : 7 } } "#,
    #"{"a":[{}],"usage":{"x":{"y":[1]},"prompt_tokens":7},"b":1}"#,
    #"{"usage":{"prompt_tokens":7,"prompt_tokens_details":null,"s":"}\"{"}}"#,
    #"{"usage":{"prompt_tokens":5},"usage":{"prompt_tokens":7}}"#,
    #"{"a":"\\","usage":{"prompt_tokens":7}}"#, #"{"a":"\"","b":"usage","usage":{"prompt_tokens":7}}"#,
  ])
  func usageIsFoundInEveryForm(_ text: String) {
    expectSame(.json, Array(text.utf8), TokenUsage(promptTokens: 7), events: 0)
    expectSame(
      .eventStream, Array("data:\(text)\r\rx: y\n".utf8), TokenUsage(promptTokens: 7), events: 1)
  }

  @Test func jsonAnswersHaveUsageAtTheTopOnly() {
    #expect(scan(.json, #"{"message":{"usage":{"prompt_tokens":1}}}"#).usage == nil)
  }

  // MARK: - Lines

  /// Lines are looked at eight bytes at a time, for their end and for the key at once.
  @Test func theKeyIsFoundAtEveryPlaceOfALine() {
    for before in 0...17 {
      for end in ["\n\n", "\r\r", "\r\n\r\n"] {
        for after in 0...9 {
          let text =
            "data: {\"\(String(repeating: "g", count: before))\":1,\"usage\":{\"prompt_tokens\":7}"
            + String(repeating: " ", count: after) + "}" + end + "data: {\"g\":1}" + end
          #expect(scan(.eventStream, text).usage == TokenUsage(promptTokens: 7), "\(before), \(after)")
          let other = text.replacing("usage", with: "us ge")
          #expect(scan(.eventStream, other).usage == nil, "\(before), \(after)")
        }
      }
    }
  }

  @Test(arguments: [
    ("data: {}\n", 1), ("data:{}\n", 1), ("data:   {}", 1), (" data: {}\n", 0),
    ("dat: {}\n", 0),
    ("data\n", 0), ("data:\n", 0), ("data: \n\n", 0), (": ping\n\n", 0),
    ("event: x\ndata: {}\n\n", 1),
    ("data: [DONE]\n\n", 0), ("data:[DONE]", 0), ("data: [DONE", 0), ("data: [DONX]\n", 1),
    ("data: [1]\n", 1), ("data: [\n", 1), ("data: {}\r\ndata: {}\r\rdata: {}\n\n", 3),
    ("\n\n\r\ndata: x", 1),
    ("id: data: {}\ndata: {}\n", 1),
  ])
  func theFirstTokenIsTheFirstEventWithData(_ text: String, _ events: Int) {
    expectSame(.eventStream, Array(text.utf8), nil, events: events)
  }

  @Test func aLongLineIsReadAndALongObjectIsNot() {
    let text = String(repeating: "text ", count: 100_000)
    let line = #"data: {"a":"\#(text)","usage":{"prompt_tokens":7}}"# + "\n\n"
    #expect(scan(.eventStream, line).usage == TokenUsage(promptTokens: 7))
    let bytes = Array(line.utf8)
    let pieces = stride(from: 0, to: bytes.count, by: 1000).map { Array(bytes[$0..<min(bytes.count, $0 + 1000)]) }
    #expect(scan(.eventStream, pieces).usage == TokenUsage(promptTokens: 7))

    let object = Array((#"{"usage":{"prompt_tokens":7,"x":""# + String(repeating: "y", count: 5000) + #""}}"#).utf8)
    for cut in [0, 10, 20, 100, 4200, object.count - 2] {
      #expect(scan(.json, [Array(object[..<cut]), Array(object[cut...])]).usage == nil)
    }
  }

  @Test(arguments: [21, 22, 23]) func randomStreamsDoNotDependOnTheCutting(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let words = [
      "data: ", "data:", "{", "}", "[", "]", #""usage":"#, #"{"prompt_tokens":7}"#, #""message":{"#, #""response":{"#,
      ",", "\n", "\r\n", "\"",
      "\\", "x", " ", "[DONE]", "null", "123",
    ]
    for _ in 0..<3000 {
      let text = (0..<Int.random(in: 1...25, using: &generator)).map { _ in words.randomElement(using: &generator) ?? ""
      }.joined()
      let bytes = Array(text.utf8)
      for format in [UsageScanner.Format.json, .eventStream] {
        let whole = scan(format, [bytes])
        var pieces: [[UInt8]] = []
        var start = 0
        while start < bytes.count {
          let end = min(bytes.count, start + Int.random(in: 1...9, using: &generator))
          pieces.append(Array(bytes[start..<end]))
          start = end
        }
        let cut = scan(format, pieces)
        #expect(whole.usage == cut.usage, "\(text)")
        #expect(whole.hasFirstToken == cut.hasFirstToken, "\(text)")
      }
    }
  }
}

extension String {
  /// How often a text occurs in this one.
  fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
