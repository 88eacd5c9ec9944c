import EPPCore

/// A 16-byte digest that replaces the data of an image or a sound.
///
/// Not a cryptographic hash: a client that constructs two contents with equal digests only spoils the prediction of cached
/// tokens. Every endpoint still computes the right answer.
enum ContentDigest {
  /// Two lanes of multiply-and-fold over 8-byte words (the principle of wyhash); each lane takes in the other's last state.
  static func lanes(of bytes: RawSpan) -> (UInt64, UInt64) {
    var first: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(bytes.byteCount)
    var second: UInt64 = 0xD1B5_4A32_D192_ED03
    var offset = 0
    while offset < bytes.byteCount {
      let word = word(bytes, offset)
      let folded = foldedProduct(first ^ word, 0xA076_1D64_78BD_642F)
      // The word goes in once more behind the product, so that a factor of zero does not swallow it.
      (first, second) = (
        folded ^ second, foldedProduct(second &+ word, 0xE703_7ED1_A0B4_28DB) &+ (word << 23 | word >> 41)
      )
      offset += 8
    }
    return (
      foldedProduct(first ^ second, 0x8EBC_6AF0_9C88_C6E3),
      foldedProduct(second &+ first << 1, 0x5899_65CC_7537_4CC3) ^ first
    )
  }

  /// The eight bytes at `offset`, or those that are left, the first one lowest.
  @inline(__always)
  private static func word(_ bytes: RawSpan, _ offset: Int) -> UInt64 {
    if offset + 8 <= bytes.byteCount { return ByteWord.load(bytes, offset) }
    var word: UInt64 = 0
    for index in offset..<bytes.byteCount {
      word |= UInt64(ByteWord.byte(bytes, index)) << UInt64(8 * (index - offset))
    }
    return word
  }
}
