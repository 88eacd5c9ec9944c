import EPPPrefixCache

/// Measures the process's memory per pair of a block and an endpoint that holds it.
struct MemoryMeasurement {
  /// Measures an index without shared blocks, and one with a shared system prompt.
  func run() throws -> [IndexReport.Memory] {
    var results: [IndexReport.Memory] = []
    // Nothing shared: every pair has its own block; then a system prompt that all share and conversations of their own.
    var measured: [IndexMeasurement] = []
    // Allocates the memory of encoding and decoding before the first measurement.
    var first = IndexMeasurement()
    for chain in 0..<20 { try first.store(Chain(number: UInt64(chain), blocks: 500), 0..<500, at: 0) }
    measured.append(first)
    for (endpoints, chains, shared) in [(8, 250, 0), (64, 120, 64)] {
      var measurement = IndexMeasurement()
      let before = resident()
      for endpoint in 0..<endpoints {
        if shared > 0 { try measurement.store(Chain(number: 1, blocks: shared), 0..<shared, at: endpoint) }
        for chain in 0..<chains {
          let chain = Chain(number: UInt64(1_000 + endpoint * 10_000 + chain), blocks: 500)
          try measurement.store(chain, 0..<500, at: endpoint)
        }
      }
      let statistics = measurement.index.currentStatistics()
      results.append(
        IndexReport.Memory(
          pairs: statistics.pairs, blocks: statistics.blocks,
          residentBytesPerPair: Double(resident() - before) / Double(statistics.pairs),
          countedBytesPerPair: Double(statistics.bytes) / Double(statistics.pairs)))
      // Kept, so that the next index does not reuse the memory of this one.
      measured.append(measurement)
    }
    return results
  }

  private func resident() -> Int { ProcessSample.ofThisProcess()?.residentBytes ?? 0 }
}
