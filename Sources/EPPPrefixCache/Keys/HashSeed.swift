/// The secret of all block keys: 128 bits, without which a client cannot construct prompts whose keys collide.
///
/// Keys of different seeds are unrelated.
package struct HashSeed: Sendable, Equatable {
  /// The first 64 bits.
  package var first: UInt64
  /// The last 64 bits.
  package var second: UInt64

  /// A known seed: shared by replicas, or of a test.
  package init(first: UInt64, second: UInt64) {
    self.first = first
    self.second = second
  }

  /// A new seed from the system's source of randomness.
  package static func random() -> HashSeed {
    var generator = SystemRandomNumberGenerator()
    return HashSeed(first: generator.next(), second: generator.next())
  }
}
