/// The name of a block together with everything before it: two prompts with an equal key have an equal prefix up to
/// there, but for collisions of 52 bits.
package struct BlockKey: Hashable, Sendable {
  /// The chained hash. Its lower 12 bits are 0, which leaves room beside a key where millions of them are kept.
  package let rawValue: UInt64

  /// Bits that a key does not have.
  static let spareMask: UInt64 = 0xFFF

  /// A key out of a hash, or out of another key's bits.
  @inline(__always)
  package init(rawValue: UInt64) { self.rawValue = rawValue & ~Self.spareMask }
}
