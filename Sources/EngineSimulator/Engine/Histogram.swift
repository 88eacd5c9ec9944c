/// A Prometheus histogram with fixed bounds.
package struct Histogram: Sendable {
  /// Upper bounds, ascending, without the infinite one.
  package let bounds: [Double]
  /// Observations in each bucket, not accumulated; the last one is above all bounds.
  package private(set) var counts: [Int]
  package private(set) var sum = 0.0
  package private(set) var count = 0

  package init(bounds: [Double]) {
    self.bounds = bounds
    counts = Array(repeating: 0, count: bounds.count + 1)
  }

  /// Takes in a value.
  package mutating func observe(_ value: Double) {
    var bucket = 0
    while bucket < bounds.count, value > bounds[bucket] { bucket += 1 }
    counts[bucket] += 1
    sum += value
    count += 1
  }

  /// Takes in a length of time, in seconds.
  package mutating func observe(_ duration: Duration) { observe(duration / .seconds(1)) }
}
