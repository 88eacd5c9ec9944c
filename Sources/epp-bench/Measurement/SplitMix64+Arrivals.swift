import EPPCore
import Glibc

extension SplitMix64 {
  /// Returns a random time to the next arrival of a Poisson process, in seconds.
  ///
  /// - Parameter rate: Arrivals per second.
  mutating func interval(rate: Double) -> Double { -log(1 - Double.random(in: 0..<1, using: &self)) / rate }
}
