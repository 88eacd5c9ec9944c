import EPPCore
import EPPPrefixCache

/// Measures removing an endpoint from the index.
struct RemovalMeasurement {
  /// Adds the results to a report.
  func run(_ report: inout IndexReport) throws {
    var measurement = IndexMeasurement()
    for endpoint in 0..<8 {
      for chain in 0..<35 {
        try measurement.store(Chain(number: UInt64(endpoint * 1_000 + chain), blocks: 500), 0..<500, at: endpoint)
      }
    }
    let pairs = measurement.index.currentStatistics().pairs
    let start = ThreadClock.now()
    measurement.index.remove(IndexMeasurement.slot(3))
    report.removalBlocks = pairs - measurement.index.currentStatistics().pairs
    while measurement.index.currentStatistics().blocks > pairs - report.removalBlocks {
      measurement.index.maintain(now: MonotonicTime(nanoseconds: 0))
    }
    report.removalMilliseconds = Double(ThreadClock.now() - start) / 1e6
  }
}
