/// The SHA-256 digest of a block of tokens and all blocks before it.
package struct BlockHash: Hashable, Sendable {
  private let first: UInt64
  private let second: UInt64
  private let third: UInt64
  private let fourth: UInt64

  /// Makes a hash of the first 32 bytes; missing bytes are zeros.
  package init(_ digest: some Sequence<UInt8>) {
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    for (index, byte) in digest.prefix(32).enumerated() {
      let part = UInt64(byte) << (56 - 8 * UInt64(index % 8))
      switch index / 8 {
      case 0: words.0 |= part
      case 1: words.1 |= part
      case 2: words.2 |= part
      default: words.3 |= part
      }
    }
    (first, second, third, fourth) = words
  }

  /// The last 8 bytes as a big-endian number: the integer that vLLM sends.
  package var low64: UInt64 { fourth }

  /// All 32 bytes.
  package var bytes: [UInt8] {
    [first, second, third, fourth].flatMap { word in
      (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
    }
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(fourth) }
}
