/// The random numbers of one worker thread: no lock is shared between threads.
///
/// Splitmix64 (Steele, Lea and Flood 2014): picks need to be spread, not secret.
package struct PickRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// Equal seeds give equal numbers.
  package init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

extension PickRandom {
  /// A number in 0..<`upperBound`, which is not 0. The bias of the multiplication is below 2^-50 for pools.
  mutating func next(upperBound: UInt64) -> UInt64 { next().multipliedFullWidth(by: upperBound).high }

  /// Puts a random choice of the values in random order into the first `count` places (Fisher and Yates, from the front).
  mutating func shuffle(_ values: inout [Int], first count: Int) {
    for position in 0..<count {
      values.swapAt(position, position + Int(next(upperBound: UInt64(values.count - position))))
    }
  }
}
