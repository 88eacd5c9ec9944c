/// What Prometheus calls the type of a family.
enum MetricKind: String, Sendable {
  case counter
  case gauge
  case histogram
}

/// One series' content at one moment.
enum MetricReading: Sendable {
  case counter(UInt64)
  case gauge(Double)
  case histogram(HistogramReading)

  /// Adds another series of the same family: both become one where an alias drops the labels that tell them apart.
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

/// A histogram's content at one moment.
struct HistogramReading: Sendable {
  let layout: HistogramLayout
  /// Observations per bucket, not cumulated; one more than there are bounds.
  var counts: [UInt64]
  /// In the layout's steps of the sum.
  var sum: UInt64 = 0

  init(layout: HistogramLayout) {
    self.layout = layout
    counts = Array(repeating: 0, count: layout.bounds.count + 1)
  }

  var count: UInt64 { counts.reduce(0, &+) }
  var total: Double { layout.total(ofSum: sum) }

  mutating func add(_ other: HistogramReading) {
    for index in counts.indices where index < other.counts.count { counts[index] &+= other.counts[index] }
    sum &+= other.sum
  }
}
