import EPPPrefixCache

/// Measures computing the keys of a prompt's blocks, and the engine's hashes.
struct KeyMeasurement {
  /// Adds the results to a report.
  func run(_ report: inout IndexReport) {
    let measurement = IndexMeasurement()
    let tokens = Chain(number: 1, blocks: 62_500).tokens(0..<62_500)
    var samples: [Double] = []
    for _ in 0..<20 {
      let start = ThreadClock.now()
      let query = measurement.query(tokens)
      samples.append(Double(ThreadClock.now() - start) / Double(query.blockCount))
    }
    report.keyNanosecondsPerBlock = samples.median
    let start = ThreadClock.now()
    let hashes = EngineBlockHasher(.sha256).hashes(of: tokens, blockTokens: 16)
    report.engineHashNanosecondsPerBlock = Double(ThreadClock.now() - start) / Double(hashes.count)
  }
}
