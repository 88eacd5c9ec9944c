import NIOCore
import Testing

@testable import RoutingProxy

@Suite struct AnswerEditTests {
  private static let edit = CachedTokensEdit(cachedTokens: 7)

  private static func edited(_ text: String) -> String? {
    edit.edited(ByteBuffer(string: text).readableBytesSpan).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func eachAPIHasItsOwnPlaceForTheNumber() {
    #expect(
      Self.edited(#"{"a": [1 ,2],"usage":{"prompt_tokens":9,"prompt_tokens_details":null}}"#)
        == #"{"a": [1 ,2],"usage":{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":7}}}"#)
    #expect(
      Self.edited(#"{"usage":{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":9,"audio_tokens":1}}}"#)
        == #"{"usage":{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":7,"audio_tokens":1}}}"#)
    #expect(
      Self.edited(#"{"response":{"id":"r","usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":9}}}}"#)
        == #"{"response":{"id":"r","usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":7}}}}"#)
    #expect(
      Self.edited(#"{"message":{"usage":{"input_tokens":9,"cache_read_input_tokens":9}}}"#)
        == #"{"message":{"usage":{"input_tokens":9,"cache_read_input_tokens":7}}}"#)
  }

  @Test(arguments: [
    "", "{", "[]", "{}", #"{"usage":null}"#, #"{"usage":{"input_tokens":9}}"#, #"{"choices":[{"text":"\"usage\""}]}"#,
  ])
  func whatHasNoUsageStaysAsItIs(_ text: String) {
    #expect(Self.edited(text) == nil)
  }

  // MARK: - Streams

  private static let stream =
    "data: {\"choices\":[{\"text\":\"a \\\"usage\\\" \"}],\"usage\":null}\r\n\r\n: comment\n\ndata:{\"choices\":[],\"usage\":{\"prompt_tokens\":9}} \n\ndata: [DONE]\n\n"
  private static let corrected =
    "data: {\"choices\":[{\"text\":\"a \\\"usage\\\" \"}],\"usage\":null}\r\n\r\n: comment\n\ndata:{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"prompt_tokens_details\":{\"cached_tokens\":7}}} \n\ndata: [DONE]\n\n"

  @Test func aStreamIsCorrectedHoweverItIsCut() {
    let bytes = Array(Self.stream.utf8)
    for first in 0...bytes.count {
      for size in [1, 7, bytes.count] {
        var edit = EventStreamEdit(Self.edit)
        var output = edit.feed(ByteBuffer(bytes: bytes[..<first]))
        for start in stride(from: first, to: bytes.count, by: size) {
          var piece = edit.feed(ByteBuffer(bytes: bytes[start..<min(start + size, bytes.count)]))
          output.writeBuffer(&piece)
        }
        var rest = edit.finish()
        output.writeBuffer(&rest)
        #expect(String(buffer: output) == Self.corrected)
      }
    }
  }

  @Test func completeLinesPassAtOnce() {
    var edit = EventStreamEdit(Self.edit)
    #expect(String(buffer: edit.feed(ByteBuffer(string: "data: {}\n\ndata: {\"us"))) == "data: {}\n\n")
    #expect(String(buffer: edit.feed(ByteBuffer(string: "age\":{}}"))) == "")
    #expect(
      String(buffer: edit.finish()) == "data: {\"usage\":{\"prompt_tokens_details\":{\"cached_tokens\":7}}}")
  }

  // MARK: - The cache threshold

  private static func scan(_ text: String, isEventStream: Bool) -> Bool? {
    var scan = CacheThresholdScan(isEventStream: isEventStream)
    var found: Bool?
    for byte in text.utf8 where found == nil { found = scan.feed(ByteBuffer(bytes: [byte])) }
    return found
  }

  @Test func theFirstEventWithATokenOrAnEndDecides() {
    let role = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n"
    let end = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"cache_threshold\"}]}\n\n"
    #expect(Self.scan(role, isEventStream: true) == nil)
    #expect(Self.scan(role + end, isEventStream: true) == true)
    #expect(Self.scan(": ping\n\n" + end, isEventStream: true) == true)
    #expect(
      Self.scan("data: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"cache_threshold\"}]}\n", isEventStream: true)
        == true)
    #expect(
      Self.scan(role + "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n" + end, isEventStream: true) == false)
    #expect(Self.scan("data: {\"choices\":[{\"delta\":{\"tool_calls\":[]}}]}\n\n", isEventStream: true) == false)
    #expect(Self.scan("data: {\"error\":{}}\n\n", isEventStream: true) == false)
    #expect(Self.scan("data: [DONE]\n\n", isEventStream: true) == false)
  }

  @Test func aWholeAnswerIsReadAtItsEnd() {
    for (text, isBelow) in [
      (#"{"choices":[{"finish_reason":"cache_threshold"}]}"#, true),
      (#"{"choices":[{"finish_reason":"stop"}]}"#, false),
      (#"{"choices":[]}"#, false), ("garbage", false),
    ] {
      var scan = CacheThresholdScan(isEventStream: false)
      #expect(scan.feed(ByteBuffer(string: text)) == nil)
      #expect(scan.finish() == isBelow)
    }
  }
}
