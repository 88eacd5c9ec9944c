import ArgumentParser
import EPPCore

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
      scripts/bench/compare-dynamo writes what --messages and --prompts read: 32-bit little-endian numbers, the endpoint
      and the length, before each MessagePack message of an engine, or before the 32-bit tokens of each prompt.
      """)

  @OptionGroup var output: OutputOptions

  /// A part of the measurements.
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
    guard (1...EndpointSlot.capacity).contains(endpoints) else {
      throw ValidationError("--endpoints must be between 1 and \(EndpointSlot.capacity).")
    }
    guard seconds >= 0, rate >= 0 else { throw ValidationError("--seconds and --rate must not be negative.") }
  }

  func run() async throws {
    var report = IndexReport()
    if isAsked(.keys) { KeyMeasurement().run(&report) }
    // Before anything else has grown the process.
    if isAsked(.memory) { report.memory = try MemoryMeasurement().run() }
    if isAsked(.events) { report.ingestion = try IngestionMeasurement().run() }
    if isAsked(.lookups) { try LookupMeasurement().run(&report) }
    if isAsked(.removal) { try RemovalMeasurement().run(&report) }
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
    if let failure = report.failure { throw BenchError(failure) }
  }

  private func isAsked(_ part: Part) -> Bool { only ?? part == part }
}
