/// SplitMix64 (Steele, Lea and Flood 2014): uniformly distributed random numbers, not secret; equal seeds give equal numbers.
///
/// A value of 8 bytes: each thread has its own.
package struct SplitMix64: RandomNumberGenerator, Sendable {
  @usableFromInline var state: UInt64

  /// A generator whose numbers depend on the seed alone.
  @inlinable
  package init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  @inlinable
  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return Self.spread(state)
  }

  /// The output function of the generator: each bit of the value changes about half of the bits of the result.
  @inlinable
  package static func spread(_ value: UInt64) -> UInt64 {
    var mixed = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
