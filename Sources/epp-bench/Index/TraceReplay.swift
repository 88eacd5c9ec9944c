import EPPPrefixCache

/// Sends the requests of a trace to simulated engines, applies their KV events to an index, and looks up every prompt before it
/// is sent. Every result is compared with the engines' caches.
struct TraceReplay {
  /// The choice of an engine for a request.
  enum Routing: String, CaseIterable {
    /// Each engine in turn.
    case roundRobin = "round robin"
    /// The engine that holds most of the prompt; of equals the one that has computed least.
    case bestMatch = "best match"
  }

  /// The trace.
  let trace: MooncakeTrace
  /// Number of engines.
  let endpoints: Int
  /// The choice of an engine.
  let routing: Routing
  /// Blocks of an engine's cache.
  let engineBlocks: Int

  /// Requests whose messages are kept before they are applied; limits the memory.
  private static let window = 64
  /// Blocks of one event: those that an engine computes in a step of 8,192 tokens.
  private static let eventBlocks = 512

  /// Performs the replay.
  ///
  /// - Throws: `BenchError` when the index and the engines' caches differ; errors of decoding.
  func run() throws -> IndexReport.Trace {
    var measurement = IndexMeasurement()
    var engines = (0..<endpoints).map { _ in EngineCache<TraceBlock>(capacity: engineBlocks) }
    var computed = [Int](repeating: 0, count: endpoints)
    var report = IndexReport.Trace(routing: routing.rawValue, endpoints: endpoints, requests: trace.requests.count)
    var lookups = LatencyHistogram()
    var match = PrefixMatch()
    var ingestion: Int64 = 0
    var prompted = 0
    for start in stride(from: 0, to: trace.requests.count, by: Self.window) {
      let prompts = trace.requests[start..<min(start + Self.window, trace.requests.count)].map(\.blocks)
      for prompt in prompts where !prompt.isEmpty {
        lookups.record(nanoseconds: try look(up: prompt, measurement, engines, &match))
      }
      var messages: [(endpoint: Int, bytes: [UInt8])] = []
      for (number, prompt) in prompts.enumerated() {
        let endpoint =
          switch routing {
          case .roundRobin: (start + number) % endpoints
          case .bestMatch: bestMatch(prompt, engines, computed)
          }
        let (held, dropped) = engines[endpoint].serve(prompt)
        let missing = prompt.prefix(engineBlocks).dropFirst(held)
        prompted += prompt.count
        report.heldBlocks += held
        report.storedBlocks += missing.count
        report.removedBlocks += dropped.count
        computed[endpoint] += prompt.count - held
        messages.append((endpoint, message(prompt, missing.indices, dropped)))
      }
      let begin = ThreadClock.now()
      for message in messages { try measurement.apply(message.bytes, message.endpoint) }
      ingestion += ThreadClock.now() - begin
      report.bytesOnWire += messages.reduce(0) { $0 + $1.bytes.count }
    }
    let statistics = measurement.index.currentStatistics()
    let held = engines.reduce(0) { $0 + $1.count }
    guard statistics.pairs == held else {
      throw BenchError("engines hold \(held) blocks, the index \(statistics.pairs)")
    }
    report.blocksPerPrompt = Double(prompted) / Double(trace.requests.count)
    report.hitRatio = Double(report.heldBlocks) / Double(max(1, prompted))
    report.nanosecondsPerBlock = Double(ingestion) / Double(max(1, report.storedBlocks + report.removedBlocks))
    report.lookupP50 = lookups.summary.p50
    report.lookupP99 = lookups.summary.p99
    report.pairs = statistics.pairs
    report.blocks = statistics.blocks
    report.countedBytesPerPair = Double(statistics.bytes) / Double(max(1, statistics.pairs))
    return report
  }

  /// Looks up a prompt, and compares the result with the engines' caches.
  ///
  /// - Returns: The CPU time of the look-up in nanoseconds, without computing keys.
  private func look(
    up prompt: [TraceBlock], _ measurement: IndexMeasurement, _ engines: [EngineCache<TraceBlock>],
    _ match: inout PrefixMatch
  ) throws -> Int64 {
    var query = measurement.query(prompt.flatMap(\.tokens))
    let start = ThreadClock.now()
    measurement.index.match(&query, into: &match)
    let time = ThreadClock.now() - start
    for (endpoint, engine) in engines.enumerated() {
      let (hits, held) = (match.matchedBlocks(IndexMeasurement.slot(endpoint)), engine.depth(prompt))
      guard hits == held else { throw BenchError("endpoint \(endpoint) holds \(held) blocks, the index says \(hits)") }
    }
    return time
  }

  private func bestMatch(_ prompt: [TraceBlock], _ engines: [EngineCache<TraceBlock>], _ computed: [Int]) -> Int {
    let depths = engines.map { $0.depth(prompt) }
    return engines.indices.max { (depths[$0], -computed[$0]) < (depths[$1], -computed[$1]) } ?? 0
  }

  /// Returns the message of a served prompt: first the evicted blocks, then the stored ones, as engines send them.
  private func message(_ prompt: [TraceBlock], _ missing: Range<Int>, _ dropped: [TraceBlock]) -> [UInt8] {
    var encoder = EventEncoder(blockTokens: Chain.blockTokens)
    for block in dropped { encoder.remove(block.hash) }
    for start in stride(from: missing.lowerBound, to: missing.upperBound, by: Self.eventBlocks) {
      let blocks = prompt[start..<min(start + Self.eventBlocks, missing.upperBound)]
      encoder.store(
        hashes: blocks.map(\.hash), parent: start > 0 ? prompt[start - 1].hash : nil, tokens: blocks.flatMap(\.tokens))
    }
    return encoder.message()
  }
}
