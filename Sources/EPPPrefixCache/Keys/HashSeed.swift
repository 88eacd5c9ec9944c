/// The secret that block keys start from: 128 bits, without which a client cannot make prompts whose keys collide.
///
/// Keys of different seeds have nothing to do with each other.
package struct HashSeed: Sendable, Equatable {
  /// The first 64 bits.
  package var first: UInt64
  /// The other 64.
  package var second: UInt64

  /// One that is known already: shared by replicas, or a test's.
  package init(first: UInt64, second: UInt64) {
    self.first = first
    self.second = second
  }

  /// A new one, from the system's source of randomness.
  package static func random() -> HashSeed {
    var generator = SystemRandomNumberGenerator()
    return HashSeed(first: generator.next(), second: generator.next())
  }
}
