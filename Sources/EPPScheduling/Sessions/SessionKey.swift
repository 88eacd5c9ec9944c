import EPPCore

/// A session, identified by digests: neither ids nor addresses are kept.
package struct SessionKey: Sendable, Equatable {
  /// Identifies the session in the table; computed with a secret, so that a client cannot make ids that collide.
  package var digest: UInt64
  /// Places a session that is not in the table; computed without a secret, so that replicas and a restarted picker agree.
  package var placement: UInt64
  /// The client's address as a digest, by which sessions are counted together; nil when it is not known or when it is the
  /// session itself.
  package var owner: UInt64?

  /// A key with given digests.
  package init(digest: UInt64, placement: UInt64, owner: UInt64? = nil) {
    self.digest = digest
    self.placement = placement
    self.owner = owner
  }
}

/// 64-bit digests of short texts, with the mixing step `foldedProduct`.
struct TextDigest: Sendable {
  let first: UInt64
  let second: UInt64

  /// Fixed words, the fractional parts of the square roots of 2 and 3: digests are equal in every process.
  static let shared = TextDigest(first: 0x6A09_E667_F3BC_C908, second: 0xBB67_AE85_84CA_A73B)

  /// The digest of a text, chained to `previous`.
  func digest(_ text: some StringProtocol, after previous: UInt64 = 0) -> UInt64 {
    var value = previous
    var word: UInt64 = 0
    var count: UInt64 = 0
    for byte in text.utf8 {
      word = word << 8 | UInt64(byte)
      count += 1
      if count % 8 == 0 {
        value = foldedProduct(value ^ first, word ^ second)
        word = 0
      }
    }
    value = foldedProduct(value ^ first, word ^ second)
    return foldedProduct(value ^ second, count ^ first)
  }
}
