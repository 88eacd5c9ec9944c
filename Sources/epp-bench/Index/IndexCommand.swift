import ArgumentParser
import EPPCore
import EPPPrefixCache

/// `epp-bench index`.
struct IndexCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "index",
    abstract: "Measure the block index: keys, look-ups, KV events, memory.",
    discussion: """
      Needs no server. Everything but the concurrent run is one thread, so keep it on one core:
        taskset -c 0 epp-bench index --json index.json
      The concurrent run has a writer that is fed with encoded messages of 1,024 engines, and a reader:
        epp-bench index --only concurrent --seconds 60 --rate 1.5e6
      With a trace of Mooncake's (FAST'25), its requests go to simulated engines whose events are indexed:
        epp-bench index --only trace --trace conversation_trace.jsonl
      scripts/compare-dynamo writes what --messages and --prompts read: 32-bit little-endian numbers, the endpoint and the
      length, before each MessagePack message of an engine, or before the 32-bit tokens of each prompt.
      """)

  @OptionGroup var output: OutputOptions

  /// What can be measured.
  enum Part: String, CaseIterable, ExpressibleByArgument {
    case keys, memory, events, lookups, removal, concurrent, trace, recorded
  }

  @Option(help: "Only this part: \(Part.allCases.map(\.rawValue).joined(separator: ", ")).")
  var only: Part?

  @Option(help: "Seconds of the concurrent run; 0 leaves it out.")
  var seconds = 5.0

  @Option(help: "Block operations a second in the concurrent run; 0 is as many as possible.")
  var rate = 1.5e6

  @Option(help: "Endpoints in the concurrent run, at most 1,024.")
  var endpoints = 1024

  @Option(help: ArgumentHelp("A request trace in Mooncake's format.", valueName: "file"))
  var trace: String?

  @Option(help: "Requests of the trace, from its beginning.")
  var traceRequests = 4_000

  @Option(help: "Blocks of 16 tokens that the cache of a simulated engine has room for.")
  var engineBlocks = 32_768

  @Option(help: ArgumentHelp("Recorded KV events to apply.", valueName: "file"))
  var messages: String?

  @Option(help: ArgumentHelp("Prompts to look up after the recorded KV events.", valueName: "file"))
  var prompts: String?

  func validate() throws {
    guard traceRequests > 0, engineBlocks > 0 else {
      throw ValidationError("--trace-requests and --engine-blocks must be at least 1.")
    }
    if only == .trace, trace == nil { throw ValidationError("--only trace needs --trace FILE.") }
    if only == .recorded || prompts != nil, messages == nil {
      throw ValidationError("Recorded prompts and --only recorded need --messages FILE.")
    }
    guard (0...EndpointSlot.capacity).contains(endpoints), endpoints > 0 else {
      throw ValidationError("--endpoints must be between 1 and \(EndpointSlot.capacity).")
    }
    guard seconds >= 0, rate >= 0 else { throw ValidationError("--seconds and --rate must not be negative.") }
  }

  func run() async throws {
    var report = IndexReport()
    if isAsked(.keys) { measureKeys(&report) }
    // Before anything else has grown the process.
    if isAsked(.memory) { try measureMemory(&report) }
    if isAsked(.events) { try measureIngestion(&report) }
    if isAsked(.lookups) { try measureLookups(&report) }
    if isAsked(.removal) { try measureRemoval(&report) }
    if isAsked(.concurrent), seconds > 0 {
      report.concurrency = try await ConcurrentRun(endpoints: endpoints, seconds: seconds, rate: rate).run()
    }
    if let trace, isAsked(.trace) {
      let trace = try MooncakeTrace(file: trace, limit: traceRequests)
      for endpoints in [8, 64] {
        for routing in TraceReplay.Routing.allCases {
          report.traces.append(
            try TraceReplay(trace: trace, endpoints: endpoints, routing: routing, engineBlocks: engineBlocks).run())
        }
      }
    }
    if let messages, isAsked(.recorded) {
      report.recorded = try RecordedReplay(messages: messages, prompts: prompts).run()
    }
    try output.write(report, table: report.table)
  }

  private func isAsked(_ part: Part) -> Bool { only ?? part == part }

  private func measureKeys(_ report: inout IndexReport) {
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

  // MARK: - Memory

  private func measureMemory(_ report: inout IndexReport) throws {
    // Nothing shared: every pair has its own block; then a system prompt that all share and conversations of their own.
    var measured: [IndexMeasurement] = []
    // What encoding and decoding take is there before.
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
      report.memory.append(
        IndexReport.Memory(
          pairs: statistics.pairs, blocks: statistics.blocks,
          residentBytesPerPair: Double(resident() - before) / Double(statistics.pairs),
          countedBytesPerPair: Double(statistics.bytes) / Double(statistics.pairs)))
      // The next one must not get this one's memory.
      measured.append(measurement)
    }
  }

  private func resident() -> Int { ProcessSample.ofThisProcess()?.residentBytes ?? 0 }

  // MARK: - Events

  private func measureIngestion(_ report: inout IndexReport) throws {
    try measure("store, 64 blocks an event", chains: 4_000, blocks: 64, step: 64, removes: false, &report)
    try measure("store 64, remove 64", chains: 4_000, blocks: 64, step: 64, removes: true, &report)
    try measure("store, 512 blocks an event", chains: 500, blocks: 512, step: 512, removes: false, &report)
    try measure("store, one block an event", chains: 1_000, blocks: 64, step: 1, removes: false, &report)
    try measure(
      "store, 512 blocks an event, no room left", chains: 500, blocks: 512, step: 512, removes: false,
      maximumBytes: 8 * 60_000 * 2 * 48, &report)
    try measure(
      "store, 6,250 blocks in 512s, no room left", chains: 100, blocks: 6_144, step: 512, removes: false,
      maximumBytes: 8 * 60_000 * 2 * 48, &report)
  }

  /// Stores chains on 8 endpoints that hold 60,000 blocks each already; with `removes`, each message also removes an older
  /// chain, block by block, its tail first.
  private func measure(
    _ shape: String, chains: Int, blocks: Int, step: Int, removes: Bool, maximumBytes: Int = 16 << 30,
    _ report: inout IndexReport
  ) throws {
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
    report.ingestion.append(
      IndexReport.Ingestion(
        shape: shape, blocks: operations, nanosecondsPerBlock: whole / Double(operations),
        decodeNanosecondsPerBlock: decoding / Double(operations),
        bytesPerBlockOnWire: Double(bytes) / Double(operations)))
  }

  // MARK: - Look-ups

  private func measureLookups(_ report: inout IndexReport) throws {
    var flush = CacheFlush()
    for endpoints in [8, 64, 1024] {
      var measurement = IndexMeasurement()
      // What is there beside: 2 M pairs.
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
      report.coldMissNanoseconds = Double(ThreadClock.now() - start) / 10_000
    }
  }

  private func measureRemoval(_ report: inout IndexReport) throws {
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

extension [Double] {
  /// The value in the middle; 0 for none.
  var median: Double { isEmpty ? 0 : sorted()[count / 2] }
}
