import EPPRequests
import Testing

@Suite struct ModelNameRestorerTests {
  private func restore(_ format: UsageScanner.Format, _ pieces: [[UInt8]]) -> String {
    var restorer = ModelNameRestorer(format, model: "my \"model\"")
    var output: [UInt8] = []
    for piece in pieces {
      var start = 0
      for edit in unsafe restorer.edits(in: piece.span.bytes) {
        output += piece[start..<edit.range.lowerBound]
        output += edit.replacement
        start = edit.range.upperBound
      }
      output += piece[start...]
    }
    return String(decoding: output, as: UTF8.self)
  }

  /// In one piece, in two at every place, and byte by byte.
  private func expectRestored(
    _ format: UsageScanner.Format, _ text: String, _ expected: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let bytes = Array(text.utf8)
    #expect(restore(format, [bytes]) == expected, sourceLocation: sourceLocation)
    #expect(restore(format, bytes.map { [$0] }) == expected, sourceLocation: sourceLocation)
    for cut in bytes.indices {
      #expect(
        restore(format, [Array(bytes[..<cut]), Array(bytes[cut...])]) == expected, "cut at \(cut)",
        sourceLocation: sourceLocation)
    }
  }

  private static let name = #""my \"model\"""#

  @Test(arguments: [
    (#"{"id":"x","model":"engine","choices":[]}"#, #"{"id":"x","model":@,"choices":[]}"#),
    (#"{"model" : "e\"n\\"}"#, #"{"model" : @}"#),
    (
      #"{"choices":[{"message":{"content":"\"model\":\"engine\"","model":"engine"}}],"model":"engine"}"#,
      #"{"choices":[{"message":{"content":"\"model\":\"engine\"","model":"engine"}}],"model":@}"#
    ),
    (#"{"model":null}"#, #"{"model":null}"#), (#"{"a":"model","b":"engine"}"#, #"{"a":"model","b":"engine"}"#),
    (#"[{"model":"engine"}]"#, #"[{"model":"engine"}]"#), (#"{"model":{"model":"x"}}"#, #"{"model":{"model":"x"}}"#),
    ("", ""),
    (#"{"model":"a","model":"b"}"#, #"{"model":@,"model":@}"#),
    (#"{"response":{"model":"x"}}"#, #"{"response":{"model":"x"}}"#),
  ])
  func jsonAnswersAreRestored(_ text: String, _ expected: String) {
    expectRestored(.json, text, expected.replacing("@", with: Self.name))
  }

  @Test func eventsAreRestored() {
    let text = """
      event: message_start\ndata: {"type":"message_start","message":{"model":"engine","role":"assistant"}}\n\n\
      data: {"model":"engine","choices":[{"delta":{"content":"data: {\\"model\\":\\"engine\\"}"}}]}\r\n\r\n\
      data: {"response":{"a":{"model":"engine"},"model":"engine"}}\n\ndata: [DONE]\n\nmodel: "engine"\n
      """
    let expected = """
      event: message_start\ndata: {"type":"message_start","message":{"model":@,"role":"assistant"}}\n\n\
      data: {"model":@,"choices":[{"delta":{"content":"data: {\\"model\\":\\"engine\\"}"}}]}\r\n\r\n\
      data: {"response":{"a":{"model":"engine"},"model":@}}\n\ndata: [DONE]\n\nmodel: "engine"\n
      """
    expectRestored(.eventStream, text, expected.replacing("@", with: Self.name))
  }

  @Test func aBrokenLineDoesNotSpoilTheNext() {
    expectRestored(
      .eventStream, "data: {\"model\":\"eng\ndata: {\"model\":\"engine\"}\n",
      "data: {\"model\":\(Self.name)\ndata: {\"model\":\(Self.name)}\n")
  }

  @Test func recordedStreamsAreRestored() throws {
    for name in ["chat-stream-usage", "completion-stream-no-usage"] {
      let text = String(decoding: try fixture("\(name).raw.txt"), as: UTF8.self)
      expectRestored(.eventStream, text, text.replacing(#""model":"tiny""#, with: #""model":"# + Self.name))
    }
  }
}
