import Foundation
import Testing

/// A message of a real engine, and what a reference decoder reads in it.
struct Capture: Decodable, CustomTestStringConvertible {
  struct Event: Decodable {
    var type: String
    var hashes: [String]?
    var medium: String?
    var group: Int?
    var parent: String?
    var tokens: [UInt32]?
    var blockTokens: Int?
    var loRAName: String?
    var extraKeys: [[String]]?
    var kind: String?
  }

  var capture: String
  var seq: Int
  var rank: Int?
  var payload: String
  var events: [Event]

  var testDescription: String { "\(capture) #\(seq)" }

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    var digits = payload.utf8.makeIterator()
    while let high = digits.next(), let low = digits.next() {
      bytes.append(Self.value(high) << 4 | Self.value(low))
    }
    return bytes
  }

  private static func value(_ digit: UInt8) -> UInt8 { digit < 0x3A ? digit - 0x30 : digit - 0x57 }

  /// One of the files in `Fixtures`.
  static func read(_ name: String) throws -> [Capture] {
    guard let url = Bundle.module.url(forResource: name, withExtension: "jsonl", subdirectory: "Fixtures") else {
      throw CocoaError(.fileNoSuchFile)
    }
    let text = try String(contentsOf: url, encoding: .utf8)
    return try text.split(separator: "\n").map { try JSONDecoder().decode(Capture.self, from: Data($0.utf8)) }
  }

  static let names = [
    "v0.22.1-sha256_cbor-block16", "v0.32.0-sha256", "v0.32.0-sha256_cbor", "v0.32.0-sha256_cbor-bytes",
    "v0.32.0-sha256_cbor-lora", "v0.32.0-xxhash", "v0.32.0-xxhash_cbor",
  ]
}
