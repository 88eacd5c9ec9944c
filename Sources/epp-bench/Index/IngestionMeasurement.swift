/// Measures decoding and applying KV events.
struct IngestionMeasurement {
  /// Measures all kinds of messages.
  func run() throws -> [IndexReport.Ingestion] {
    try [
      measure("store, 64 blocks an event", chains: 4_000, blocks: 64, step: 64),
      measure("store 64, remove 64", chains: 4_000, blocks: 64, step: 64, removes: true),
      measure("store, 512 blocks an event", chains: 500, blocks: 512, step: 512),
      measure("store, one block an event", chains: 1_000, blocks: 64, step: 1),
      measure(
        "store, 512 blocks an event, no room left", chains: 500, blocks: 512, step: 512, maximumBytes: Self.fullBytes),
      measure(
        "store, 6,250 blocks in 512s, no room left", chains: 100, blocks: 6_144, step: 512,
        maximumBytes: Self.fullBytes),
    ]
  }

  /// Limit of the index's memory that the initial contents of the endpoints fill.
  private static let fullBytes = 8 * 60_000 * 2 * 48

  /// Stores chains on 8 endpoints that already hold 60,000 blocks each. With `removes`, each message also removes an older
  /// chain, block by block from the end.
  private func measure(
    _ shape: String, chains: Int, blocks: Int, step: Int, removes: Bool = false, maximumBytes: Int = 16 << 30
  ) throws -> IndexReport.Ingestion {
    var measurement = IndexMeasurement(maximumBytes: maximumBytes)
    for endpoint in 0..<8 {
      for chain in 0..<120 {
        try measurement.store(Chain(number: UInt64(endpoint * 1_000 + chain), blocks: 500), 0..<500, at: endpoint)
      }
    }
    func chain(_ number: Int) -> Chain { Chain(number: UInt64(100_000 + number), blocks: blocks) }
    var messages: [[UInt8]] = []
    let distance = 800
    for number in 0..<chains {
      var encoder = EventEncoder(blockTokens: Chain.blockTokens)
      if removes, number >= distance {
        for block in (0..<blocks).reversed() { encoder.remove(chain(number - distance).hash(block)) }
      }
      for start in stride(from: 0, to: blocks, by: step) {
        let range = start..<(start + step)
        encoder.store(
          hashes: range.map { chain(number).hash($0) }, parent: start > 0 ? chain(number).hash(start - 1) : nil,
          tokens: chain(number).tokens(range))
      }
      messages.append(encoder.message())
    }
    let first = removes ? distance : 0
    for number in 0..<first { try measurement.apply(messages[number], number % 8) }
    let operations = (chains - first) * blocks * (removes ? 2 : 1)
    var start = ThreadClock.now()
    for number in first..<chains { try measurement.apply(messages[number], number % 8) }
    let whole = Double(ThreadClock.now() - start)
    start = ThreadClock.now()
    for number in first..<chains { try measurement.decode(messages[number]) }
    let decoding = Double(ThreadClock.now() - start)
    let bytes = messages[first...].reduce(0) { $0 + $1.count }
    return IndexReport.Ingestion(
      shape: shape, blocks: operations, nanosecondsPerBlock: whole / Double(operations),
      decodeNanosecondsPerBlock: decoding / Double(operations),
      bytesPerBlockOnWire: Double(bytes) / Double(operations))
  }
}
