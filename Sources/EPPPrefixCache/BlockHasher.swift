/// Chained 64-bit keys: each mixes the key before it with the next block's bytes, so a key names a whole prefix.
///
/// The mixing step is that of the wyhash family: the 128-bit product of two words, folded. 64 bytes take four of them,
/// about 5 ns.
package struct BlockHasher: Sendable {
  private static let odd0: UInt64 = 0xA076_1D64_78BD_642F
  private static let odd1: UInt64 = 0xE703_7ED1_A0B4_28DB
  private static let odd2: UInt64 = 0x8EBC_6AF0_9C88_C6E3
  private static let odd3: UInt64 = 0x5899_65CC_7537_4CC3

  private let seed: HashSeed

  package init(seed: HashSeed) { self.seed = seed }

  @inline(__always)
  private static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
  }

  /// The key of `block`, 64 bytes at `offset` of `bytes`, behind the prefix with the key `previous`.
  @inline(__always)
  func key(after previous: UInt64, _ bytes: RawSpan, at offset: Int) -> UInt64 {
    @inline(__always) func word(_ index: Int) -> UInt64 {
      unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset + 8 * index, as: UInt64.self).littleEndian
    }
    let start = previous ^ seed.second
    let a = Self.mix(word(0) ^ Self.odd0, word(1) ^ start)
    let b = Self.mix(word(2) ^ Self.odd1, word(3) ^ start)
    let c = Self.mix(word(4) ^ Self.odd2, word(5) ^ start)
    let d = Self.mix(word(6) ^ Self.odd3, word(7) ^ start)
    return Self.mix(a ^ c ^ seed.first, b ^ d ^ Self.odd1)
  }

  /// The key that the first block of a prompt is chained to: requests that differ in any of these share nothing.
  func root(model: String, cacheSalt: String?, isTokens: Bool, blockTokens: Int) -> UInt64 {
    var key = Self.mix(seed.first ^ (isTokens ? Self.odd2 : Self.odd3), seed.second ^ UInt64(blockTokens))
    func add(_ text: String) {
      var count: UInt64 = 0
      for byte in text.utf8 {
        key = Self.mix(key ^ UInt64(byte) ^ Self.odd0, seed.second ^ Self.odd1)
        count += 1
      }
      // The length keeps "ab" + "c" apart from "a" + "bc".
      key = Self.mix(key ^ count ^ Self.odd2, seed.first ^ Self.odd3)
    }
    add(model)
    if let cacheSalt { add(cacheSalt) }
    return key
  }
}
