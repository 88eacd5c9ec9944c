/// The Prometheus type of a family.
enum MetricKind: String, Sendable {
  case counter
  case gauge
  case histogram
}

/// The content of one series at one moment.
enum MetricReading: Sendable {
  case counter(UInt64)
  case gauge(Double)
  case histogram(HistogramReading)

  /// Adds another series of the family, for an alias without the labels that distinguish the two.
  mutating func add(_ other: MetricReading) {
    switch (self, other) {
    case (.counter(let left), .counter(let right)): self = .counter(left &+ right)
    case (.gauge(let left), .gauge(let right)): self = .gauge(left + right)
    case (.histogram(var left), .histogram(let right)):
      left.add(right)
      self = .histogram(left)
    default: assertionFailure("series of different kinds in one family")
    }
  }
}

/// The content of a histogram at one moment.
struct HistogramReading: Sendable {
  let layout: HistogramLayout
  /// Observations per bucket, not cumulative; one more than there are bounds.
  var counts: [UInt64]
  /// The sum of the observations, in the layout's steps of the sum.
  var sum: UInt64 = 0

  init(layout: HistogramLayout) {
    self.layout = layout
    counts = Array(repeating: 0, count: layout.bounds.count + 1)
  }

  /// The number of observations.
  var count: UInt64 { counts.reduce(0, &+) }
  /// The sum of the observations in units of the page.
  var total: Double { layout.total(ofSum: sum) }

  mutating func add(_ other: HistogramReading) {
    for index in counts.indices where index < other.counts.count { counts[index] &+= other.counts[index] }
    sum &+= other.sum
  }
}
