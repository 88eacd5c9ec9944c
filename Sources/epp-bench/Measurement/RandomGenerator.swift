import Glibc

/// SplitMix64 (Steele, Lea, Flood 2014): runs with the same seed send the same load.
struct RandomGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  /// The time to the next arrival of a Poisson process, in seconds.
  mutating func interval(rate: Double) -> Double { -log(1 - Double.random(in: 0..<1, using: &self)) / rate }
}
