import EPPPrefixCache

/// Measures look-ups, with all data in the processor's caches and after the caches were flushed.
struct LookupMeasurement {
  /// Adds the results to a report.
  ///
  /// - Throws: `BenchError` when the index returns a wrong depth; errors of decoding.
  func run(_ report: inout IndexReport) throws {
    var flush = CacheFlush()
    for endpoints in [8, 64, 1024] {
      var measurement = IndexMeasurement()
      // Other contents of the index: 2 M pairs.
      for endpoint in 0..<endpoints {
        for chain in 0..<(4_000 / endpoints) {
          let number = UInt64(10_000 + endpoint * 1_000 + chain)
          try measurement.store(Chain(number: number, blocks: 500), 0..<500, at: endpoint)
        }
      }
      for blocks in [64, 775, 4_096, 62_500] {
        let chain = Chain(number: UInt64(blocks), blocks: blocks)
        // A system prompt that 128 endpoints have, and a conversation that three have to different depths.
        for endpoint in 0..<min(endpoints, 128) { try measurement.store(chain, 0..<(blocks / 8), at: endpoint) }
        for (endpoint, depth) in [(1, blocks / 3), (3, blocks * 2 / 3), (5, blocks)] {
          try measurement.store(chain, (blocks / 8)..<depth, at: endpoint)
        }
        var query = measurement.query(chain.tokens(0..<blocks))
        var match = PrefixMatch()
        let times = 20
        var hot: [Double] = []
        for _ in 0..<500 {
          let start = ThreadClock.now()
          for _ in 0..<times { measurement.index.match(&query, into: &match) }
          hot.append(Double(ThreadClock.now() - start) / 1000 / Double(times))
        }
        var flushed: [Double] = []
        for _ in 0..<25 {
          flush.run()
          let start = ThreadClock.now()
          measurement.index.match(&query, into: &match)
          flushed.append(Double(ThreadClock.now() - start) / 1000)
        }
        guard match.matchedBlocks(IndexMeasurement.slot(5)) == blocks,
          match.matchedBlocks(IndexMeasurement.slot(1)) == blocks / 3,
          match.matchedBlocks(IndexMeasurement.slot(0)) == blocks / 8
        else { throw BenchError("the index told a wrong depth") }
        report.lookups.append(
          IndexReport.Lookup(
            blocks: blocks, endpoints: endpoints, hotMicroseconds: hot.median, flushedMicroseconds: flushed.median,
            hotP99: hot.sorted()[hot.count * 99 / 100]))
      }
      var cold = measurement.query(Chain(number: 77, blocks: 775).tokens(0..<775))
      var match = PrefixMatch()
      let start = ThreadClock.now()
      for _ in 0..<10_000 { measurement.index.match(&cold, into: &match) }
      report.coldMisses.append(
        IndexReport.ColdMiss(endpoints: endpoints, nanoseconds: Double(ThreadClock.now() - start) / 10_000))
    }
  }
}
