/// A histogram of durations with buckets at most 0.8 % wide, whose memory does not depend on the number of samples.
struct LatencyHistogram: Sendable {
  /// Buckets per power of two.
  private static let resolution = 128
  /// Binary logarithm of `resolution`.
  private static let resolutionBits = 7
  /// Nanoseconds to which longer durations are clamped, about 18 minutes.
  private static let longest: UInt64 = 1 << 40

  private var counts: [UInt64]
  /// Number of samples.
  private(set) var count: UInt64 = 0
  private var sum: Double = 0
  private var maximum: UInt64 = 0

  init() { counts = Array(repeating: 0, count: Self.bucket(of: Self.longest) + 1) }

  /// Adds a duration in nanoseconds; negative ones count as zero.
  mutating func record(nanoseconds: Int64) {
    let value = min(UInt64(max(0, nanoseconds)), Self.longest)
    counts[Self.bucket(of: value)] += 1
    count += 1
    sum += Double(value)
    maximum = max(maximum, value)
  }

  /// Adds all samples of another one.
  mutating func merge(_ other: LatencyHistogram) {
    for (bucket, count) in other.counts.enumerated() { counts[bucket] += count }
    count += other.count
    sum += other.sum
    maximum = max(maximum, other.maximum)
  }

  /// Returns the duration that a share (0...1) of all samples does not exceed, in microseconds; 0 without samples.
  func microseconds(atShare share: Double) -> Double {
    guard count > 0 else { return 0 }
    let rank = max(1, UInt64((share * Double(count)).rounded(.up)))
    var seen: UInt64 = 0
    for (index, bucketCount) in counts.enumerated() {
      seen += bucketCount
      if seen >= rank { return Double(min(Self.middle(of: index), maximum)) / 1000 }
    }
    return Double(maximum) / 1000
  }

  /// Mean, percentiles and maximum.
  var summary: LatencySummary {
    LatencySummary(
      count: count, mean: count > 0 ? sum / Double(count) / 1000 : 0, p50: microseconds(atShare: 0.5),
      p90: microseconds(atShare: 0.9), p99: microseconds(atShare: 0.99), maximum: Double(maximum) / 1000)
  }

  /// Returns the bucket of a value: exact below 256, else by the leading eight bits.
  private static func bucket(of value: UInt64) -> Int {
    guard value >= UInt64(2 * resolution) else { return Int(value) }
    let shift = 63 - value.leadingZeroBitCount - resolutionBits
    return shift * resolution + Int(value >> UInt64(shift))
  }

  private static func middle(of bucket: Int) -> UInt64 {
    guard bucket >= 2 * resolution else { return UInt64(bucket) }
    let shift = bucket / resolution - 1
    return UInt64(bucket - shift * resolution) << UInt64(shift) + (1 << UInt64(shift)) / 2
  }
}

/// The summary of a histogram; durations are in microseconds.
struct LatencySummary: Codable, Sendable {
  /// Number of samples.
  var count: UInt64
  /// The mean.
  var mean: Double
  /// The median.
  var p50: Double
  /// The 90th percentile.
  var p90: Double
  /// The 99th percentile.
  var p99: Double
  /// The longest duration.
  var maximum: Double
}
