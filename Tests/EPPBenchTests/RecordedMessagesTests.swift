import FoundationEssentials
import Testing

@testable import epp_bench

@Suite struct RecordedMessagesTests {
  private func withFile<Result>(_ bytes: [UInt8], _ body: (String) throws -> Result) throws -> Result {
    let file = FileManager.default.temporaryDirectory.appending(path: "epp-bench-\(UUID().uuidString)").path
    try Data(bytes).write(to: URL(filePath: file))
    defer { try? FileManager.default.removeItem(atPath: file) }
    return try body(file)
  }

  private func record(_ endpoint: UInt32, _ bytes: [UInt8]) -> [UInt8] {
    [endpoint, UInt32(bytes.count)].flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
      + bytes
  }

  @Test func aFileThatIsNotThereIsNamedWithTheReason() {
    #expect {
      _ = try RecordedMessages(file: "/no/such/file")
    } throws: {
      "\($0)" == "cannot open /no/such/file: No such file or directory"
    }
  }

  @Test func messagesOfAnySizeAreReadInOrder() throws {
    // Larger than a chunk, so that messages lie across its end and one does not fit at all.
    let lengths = [3, 0, 700_000, 600_000, 5, 3_000_000, 1]
    let messages = lengths.enumerated().map { number, length in
      (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) }
    }
    let bytes = messages.enumerated().flatMap { record(UInt32($0), $1) }
    try withFile(bytes) { path in
      var file = try RecordedMessages(file: path)
      for (number, message) in messages.enumerated() {
        let next = try #require(try file.next())
        #expect(next.endpoint == number)
        #expect(Array(file.buffer[next.range]) == message)
      }
      #expect(try file.next() == nil)
    }
  }

  @Test(arguments: [1, 7, 8, 10]) func aFileThatEndsWithinAMessageIsRefused(_ count: Int) throws {
    try withFile(Array(record(1, [1, 2, 3]).prefix(count))) { path in
      var file = try RecordedMessages(file: path)
      #expect(throws: BenchError.self) { try file.next() }
    }
  }

  @Test func aMissingFileIsAnError() {
    #expect(throws: BenchError.self) { _ = try RecordedMessages(file: "/nonexistent/messages") }
  }

  @Test func recordedEventsAreIndexedAndLookedUp() throws {
    let (long, short) = (Chain(number: 1, blocks: 40), Chain(number: 2, blocks: 8))
    let messages =
      record(0, IndexMeasurement.stored(long, 0..<40)) + record(3, IndexMeasurement.stored(long, 0..<20))
      + record(3, IndexMeasurement.stored(short, 0..<8))
    let prompts = [long, short].flatMap { chain in
      record(
        0,
        chain.tokens(0..<chain.blocks).flatMap { token in (0..<4).map { UInt8(truncatingIfNeeded: token >> ($0 * 8)) } }
      )
    }
    let report = try withFile(messages) { messages in
      try withFile(prompts) { try RecordedReplay(messages: messages, prompts: $0).run() }
    }
    #expect(report.messages == 3)
    #expect(report.pairs == 68)
    #expect(report.blocks == 48)
    #expect(report.lookups.map(\.blocks) == [40, 8])
    #expect(report.lookups.map(\.depths) == [[40, 0, 0, 20], [0, 0, 0, 8]])
  }
}
