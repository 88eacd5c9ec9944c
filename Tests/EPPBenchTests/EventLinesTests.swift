import NIOCore
import Testing

@testable import epp_bench

@Suite struct EventLinesTests {
  @Test(arguments: [1, 2, 5, 1000]) func eventsAreCutFromChunksOfAnySize(_ size: Int) throws {
    var lines = EventLines(limit: 100)
    let stream = ": comment\r\ndata: {\"a\": 1}\r\n\r\ndata:two\n\nid: 3\ndata: [DONE]\n\n"
    var events: [String] = []
    let bytes = Array(stream.utf8)
    for start in stride(from: 0, to: bytes.count, by: size) {
      events += try lines.append(ByteBuffer(bytes: bytes[start..<min(bytes.count, start + size)]))
    }
    #expect(events == ["{\"a\": 1}", "two", "[DONE]"])
  }

  @Test func aLineWithoutAnEndIsRefused() {
    var lines = EventLines(limit: 10)
    #expect(throws: BenchError.self) { try lines.append(ByteBuffer(string: "data: 0123456789")) }
  }
}
