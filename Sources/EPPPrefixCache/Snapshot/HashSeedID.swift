import Crypto

/// Identifies a hash secret: 128 bits of a digest, from which the secret cannot be computed.
package struct HashSeedID: Hashable, Sendable {
  /// The first 8 bytes of the digest, as a little-endian number.
  package let first: UInt64
  /// The second 8 bytes of the digest, as a little-endian number.
  package let second: UInt64

  init(first: UInt64, second: UInt64) {
    self.first = first
    self.second = second
  }

  /// The first 16 bytes of SHA-256 over the label `warmpath hash secret id` and the secret's 16 bytes.
  package init(_ seed: HashSeed) {
    var input = Array("warmpath hash secret id".utf8)
    for word in [seed.first, seed.second] { input.append(littleEndian: word) }
    let digest = SHA256.hash(data: input)
    (first, second) = (Self.word(digest.prefix(8)), Self.word(digest.dropFirst(8).prefix(8)))
  }

  /// Up to 8 bytes as a little-endian number.
  static func word(_ bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reduce((value: 0, shift: 0)) { ($0.value | UInt64($1) << $0.shift, $0.shift + 8) }.value
  }
}

extension [UInt8] {
  /// Appends a word's bytes in little-endian order.
  mutating func append(littleEndian word: UInt64) {
    for shift in stride(from: 0, to: 64, by: 8) { append(UInt8(truncatingIfNeeded: word >> shift)) }
  }
}
