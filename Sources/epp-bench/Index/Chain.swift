/// A prefix of generated blocks. The number of the chain and the index of a block determine the block's tokens and hash.
struct Chain: Sendable {
  /// Chains with equal numbers are equal prefixes.
  var number: UInt64
  /// Number of blocks.
  var blocks: Int
  /// Tokens of a block.
  static let blockTokens = 16

  /// Returns the engine's hash of a block.
  func hash(_ block: Int) -> UInt64 { Self.mix(number &* 0x1_0000_0001 &+ UInt64(block) &+ 1) | 1 }

  /// Returns the tokens of a range of blocks, from a vocabulary of 128,000.
  func tokens(_ range: Range<Int>) -> [UInt32] {
    range.flatMap { block in
      (0..<UInt64(Self.blockTokens)).map { position in
        UInt32(truncatingIfNeeded: Self.mix(hash(block) ^ position << 48) % 128_000)
      }
    }
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var mixed = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
