/// The name of a block together with everything before it: two prompts with an equal key have an equal prefix up to
/// there, but for collisions of 64 bits.
package struct BlockKey: Hashable, Sendable {
  package var rawValue: UInt64

  package init(rawValue: UInt64) { self.rawValue = rawValue }
}
