import EPPTestKit
import NIOCore
import Testing

@testable import EPPKubernetes

@Suite struct LineSplitterTests {
  @Test("Lines are the same however the stream is cut", arguments: 0..<50)
  func cutting(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let lines = (0..<20).map { _ in String(repeating: "x", count: Int.random(in: 0...40, using: &random)) }
    let bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
    var splitter = LineSplitter(limit: 40)
    var found: [String] = []
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + Int.random(in: 1...25, using: &random))
      splitter.append(ByteBuffer(bytes: bytes[start..<end]))
      while let line = try splitter.next() { found.append(String(buffer: line)) }
      start = end
    }
    #expect(found == lines)
  }

  @Test("A line over the limit is refused before its end has come, and one at the limit is not")
  func limit() throws {
    var splitter = LineSplitter(limit: 4)
    splitter.append(ByteBuffer(string: "abcd"))
    #expect(try splitter.next() == nil)
    splitter.append(ByteBuffer(string: "\nefghi"))
    #expect(try splitter.next().map { String(buffer: $0) } == "abcd")
    #expect(throws: LineSplitter.TooLong(limit: 4)) { try splitter.next() }
  }
}
