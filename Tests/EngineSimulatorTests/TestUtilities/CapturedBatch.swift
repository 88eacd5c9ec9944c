import FoundationEssentials
import Testing

/// A batch of KV events that a real vLLM engine published.
struct CapturedBatch {
  var bytes: [UInt8]
  /// The tokens of the blocks that it stored.
  var tokens: [UInt32]

  /// Seconds since 1970, the first member of the batch.
  var time: Double {
    Double(bitPattern: bytes.dropFirst(2).prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
  }

  /// A scenario of a capture; the files belong to the tests of the decoder, which read all of them.
  static func read(_ capture: String, _ scenario: String) throws -> [CapturedBatch] {
    // This file is two folders below `Tests`.
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let path = tests.appending(path: "EPPPrefixCacheTests/Fixtures/\(capture).jsonl")
    let text = try String(contentsOf: path, encoding: .utf8)
    let lines = try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    let found = lines.filter { $0.capture == scenario }
    try #require(!found.isEmpty)
    return found.map { line in
      let digits = Array(line.payload.utf8)
      let bytes = stride(from: 0, to: digits.count - 1, by: 2).map { at in
        UInt8(String(decoding: digits[at...at + 1], as: UTF8.self), radix: 16) ?? 0
      }
      return CapturedBatch(bytes: bytes, tokens: line.events.flatMap { $0.tokens ?? [] })
    }
  }

  private struct Line: Decodable {
    struct Event: Decodable {
      var tokens: [UInt32]?
    }

    var capture: String
    var payload: String
    var events: [Event]
  }
}
