import EPPCore

/// A session, told by digests: neither ids nor addresses are kept.
package struct SessionKey: Sendable, Equatable {
  /// Names the session in the table; has a secret in it, so that a client cannot make ids that collide.
  package var digest: UInt64
  /// Places a session that is not in the table; without a secret, so that replicas and a restarted picker agree.
  package var placement: UInt64
  /// Whose sessions are counted together, the client's address as a digest; nil when it is not known or when it is
  /// the session itself.
  package var owner: UInt64?

  /// A key out of its digests.
  package init(digest: UInt64, placement: UInt64, owner: UInt64? = nil) {
    self.digest = digest
    self.placement = placement
    self.owner = owner
  }
}

/// 64-bit digests of short texts, by the folded 128-bit product of the wyhash family.
struct TextDigest: Sendable {
  let first: UInt64
  let second: UInt64

  /// The fractional parts of the square roots of 2 and 3: fixed, and the same in every process.
  static let shared = TextDigest(first: 0x6A09_E667_F3BC_C908, second: 0xBB67_AE85_84CA_A73B)

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
