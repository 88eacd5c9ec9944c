/// The name of a block together with everything before it: two prompts with an equal key have an equal prefix up to
/// there, but for collisions of 64 bits.
package struct BlockKey: Hashable, Sendable {
  /// The chained hash.
  package var rawValue: UInt64

  /// A key out of its bits.
  package init(rawValue: UInt64) { self.rawValue = rawValue }
}
