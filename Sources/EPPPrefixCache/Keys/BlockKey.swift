/// Identifies a block together with everything before it: two prompts with an equal key have an equal prefix up to there,
/// except for collisions of 52 bits.
package struct BlockKey: Hashable, Sendable {
  /// The chained hash. Its lower 12 bits are 0, so that tables of millions of keys can store other values there.
  package let rawValue: UInt64

  /// The bits that are always 0 in a key.
  static let spareMask: UInt64 = 0xFFF

  /// A key from a hash; the lower 12 bits are cleared.
  @inline(__always)
  package init(rawValue: UInt64) { self.rawValue = rawValue & ~Self.spareMask }
}
