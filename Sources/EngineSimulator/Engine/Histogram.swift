/// A Prometheus histogram with fixed bounds.
package struct Histogram: Sendable {
  /// Upper bounds of the buckets, ascending, without infinity.
  package let bounds: [Double]
  /// Observations in each bucket, not cumulative; the last bucket has those above all bounds.
  package private(set) var counts: [Int]
  /// Sum of all observations.
  package private(set) var sum = 0.0
  /// Number of observations.
  package private(set) var count = 0

  /// Makes an empty histogram.
  package init(bounds: [Double]) {
    self.bounds = bounds
    counts = Array(repeating: 0, count: bounds.count + 1)
  }

  /// Adds an observation.
  package mutating func observe(_ value: Double) {
    var bucket = 0
    while bucket < bounds.count, value > bounds[bucket] { bucket += 1 }
    counts[bucket] += 1
    sum += value
    count += 1
  }

  /// Adds a duration in seconds.
  package mutating func observe(_ duration: Duration) { observe(duration / .seconds(1)) }
}
