/// A 64-bit hash of a sequence of words: FNV-1a over words in place of bytes, with the high half folded down after each word.
struct Fingerprint: Sendable {
  /// The hash of the words so far; at first FNV's 64-bit offset basis.
  private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325
  /// FNV's 64-bit prime.
  private static let prime: UInt64 = 0x0000_0100_0000_01B3

  init() {}

  /// Adds a word. For a given word, the new value is a bijection of the old one.
  mutating func mix(_ word: UInt64) {
    value = (value ^ word) &* Self.prime
    value ^= value >> 32
  }
}
