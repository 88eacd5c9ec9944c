/// A number that depends on every word that it took in, in their order: FNV-1a over words in place of bytes, with the high
/// half folded down after each word.
struct Fingerprint: Sendable {
  /// FNV's 64-bit offset basis at first.
  private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325
  /// FNV's 64-bit prime.
  private static let prime: UInt64 = 0x0000_0100_0000_01B3

  init() {}

  /// Takes a word in. For a given word it is a bijection of the value.
  mutating func mix(_ word: UInt64) {
    value = (value ^ word) &* Self.prime
    value ^= value >> 32
  }
}
