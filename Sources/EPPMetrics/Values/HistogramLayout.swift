/// The unit and the upper bounds of a histogram's buckets, shared by all histograms of a family.
package final class HistogramLayout: Sendable {
  /// The kind of observed values.
  package enum Unit: Sendable {
    /// Times within this process. The sum is kept in nanoseconds.
    case duration
    /// Times of whole requests and streams. The sum is kept in microseconds: 10,000 streams at a time would overflow
    /// a 64-bit sum of nanoseconds within three weeks.
    case longDuration
    /// Tokens or bytes.
    case count
    /// Shares, 0...1.
    case ratio

    /// Steps of a bound per unit of the page (a second, a token, a byte, 1.0).
    var stepsOfBound: Double { self == .count ? 1 : 1e9 }

    /// Steps of the sum per unit of the page.
    var stepsOfSum: Double {
      switch self {
      case .duration, .ratio: 1e9
      case .longDuration: 1e6
      case .count: 1
      }
    }
  }

  /// The largest number of bounds of a layout; one more bucket holds the values above all bounds.
  package static let maximumBounds = 35

  let unit: Unit
  /// Upper bounds, inclusive, ascending, in steps.
  let bounds: [UInt64]
  /// The bounds as `le` label values, without the last one, `+Inf`.
  let boundTexts: [[UInt8]]

  /// - Parameters:
  ///   - unit: the kind of observed values.
  ///   - bounds: upper bounds in seconds, tokens, bytes or ratios, ascending; those beyond `maximumBounds` are left out.
  package init(_ unit: Unit, _ bounds: [Double]) {
    assert(bounds.count <= Self.maximumBounds && zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
    let bounds = bounds.prefix(Self.maximumBounds)
    self.unit = unit
    self.bounds = bounds.map { UInt64(($0 * unit.stepsOfBound).rounded()) }
    self.boundTexts = bounds.map { bound in
      var text: [UInt8] = []
      text.appendMetricValue(bound)
      return text
    }
  }

  /// The bucket of a value; `bounds.count` when it is above all bounds.
  func bucket(of value: UInt64) -> Int {
    var low = 0
    var high = bounds.count
    while low < high {
      let middle = (low &+ high) >> 1
      if bounds[middle] < value { low = middle &+ 1 } else { high = middle }
    }
    return low
  }

  /// A sum of observations in units of the page.
  func total(ofSum sum: UInt64) -> Double { Double(sum) / unit.stepsOfSum }
}

extension HistogramLayout {
  /// Times of whole requests, 5 ms to an hour.
  static let requestDuration = HistogramLayout(
    .longDuration,
    [
      0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60, 120, 180,
      240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
    ])
  static let timeToFirstToken = HistogramLayout(
    .longDuration,
    [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60, 120])
  static let normalizedTimePerOutputToken = HistogramLayout(
    .longDuration, [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10])
  static let timePerOutputToken = HistogramLayout(
    .longDuration,
    [
      0.0005, 0.00205, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 2,
    ])
  static let interTokenLatency = HistogramLayout(
    .longDuration, [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2])
  /// Times that an answer waits for others of its packet, 10 µs to 10 ms.
  static let writeHold = HistogramLayout(
    .duration, [0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0003, 0.0005, 0.001, 0.002, 0.005, 0.01])
  static let streamDuration = HistogramLayout(
    .longDuration, [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600])
  static let requestProcessing = HistogramLayout(
    .duration, [0.0005, 0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.04, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 5, 10])
  static let responseProcessing = HistogramLayout(
    .duration, [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5])
  /// Times of scheduling and of single plugins, 100 µs to 100 ms.
  static let scheduling = HistogramLayout(
    .duration, [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1])

  /// 64 B to 1 GiB by powers of two.
  static let requestBytes = HistogramLayout(.count, powersOfTwo(6...30))
  static let responseBytes = HistogramLayout(
    .count, [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32778, 65536])
  /// The bound 32778 is llm-d's own; dashboards and recorded series have it.
  static let promptTokens = HistogramLayout(
    .count,
    [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32778, 65536, 131072, 262144, 524288, 1_048_576])
  static let outputTokens = HistogramLayout(.count, [1] + powersOfTwo(3...13))
  static let prefixHitBytes = HistogramLayout(.count, [0] + powersOfTwo(4...16))
  /// The buckets that Prometheus' client libraries have by default, which llm-d's index has.
  static let indexLookup = HistogramLayout(.duration, [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10])
  static let predictionError = HistogramLayout(.count, [0, 1] + powersOfTwo(4...17))
  static let prefixHitRatio = HistogramLayout(.ratio, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])

  private static func powersOfTwo(_ exponents: ClosedRange<Int>) -> [Double] { exponents.map { Double(1 << $0) } }
}
