package import EPPCore

/// The random number generator of one worker thread; its numbers need not be secret.
package typealias PickRandom = SplitMix64

extension PickRandom {
  /// A number in 0..<`upperBound`, which is not 0. The bias of the multiplication is below 2^-50 for the sizes of pools.
  mutating func next(upperBound: UInt64) -> UInt64 { next().multipliedFullWidth(by: upperBound).high }

  /// Moves a random choice of the values in random order to the first `count` places (Fisher and Yates, from the front).
  mutating func shuffle(_ values: inout [Int], first count: Int) {
    for position in 0..<count {
      values.swapAt(position, position + Int(next(upperBound: UInt64(values.count - position))))
    }
  }
}

extension PickRandom {
  /// A number above 0 and below 1.
  mutating func nextUnit() -> Double { (Double(next() >> 11) + 0.5) * 0x1p-53 }
}
