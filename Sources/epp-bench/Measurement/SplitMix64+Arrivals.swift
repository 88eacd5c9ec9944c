import EPPCore
import Glibc

extension SplitMix64 {
  /// The time to the next arrival of a Poisson process, in seconds.
  mutating func interval(rate: Double) -> Double { -log(1 - Double.random(in: 0..<1, using: &self)) / rate }
}
