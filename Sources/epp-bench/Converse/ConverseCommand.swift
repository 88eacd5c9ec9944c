import ArgumentParser
import AsyncHTTPClient
import FoundationEssentials
import NIOCore

/// `epp-bench converse`.
struct ConverseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "converse",
    abstract:
      "Send conversations with shared prefixes through a gateway and measure cache hits and time to first token.",
    discussion: """
      Every conversation has --turns turns of streamed chat completions; each request carries the whole history. \
      Conversations of a group share a system prompt of --shared-prefix-tokens (about 4 bytes of text a token). With --engine \
      the engines' own counters are read before and after, and their differences make the table. Warm are answers whose \
      usage reports at least half of the prompt as cached.

      To show what prefix routing gains, run the same workload (same --seed) once with random-picker and --json FILE, \
      then with the scorers and --baseline FILE; restart the engines in between, so that both find cold caches.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup var expectations: ConverseExpectations

  @Option(help: ArgumentHelp("Base URL of the gateway.", valueName: "url"))
  var gateway = "http://127.0.0.1:10000"

  @Option(help: ArgumentHelp("An engine whose counters are read; repeatable.", valueName: "name=url"))
  var engine: [String] = []

  @Option(help: "Conversations in all.")
  var conversations = 48

  @Option(help: "Requests in a conversation.")
  var turns = 5

  @Option(help: "Number of different shared prefixes.")
  var groups = 12

  @Option(help: "Tokens of a shared prefix.")
  var sharedPrefixTokens = 2000

  @Option(help: "Tokens of a user's message.")
  var userTokens = 50

  @Option(help: "Tokens of an answer at most.")
  var maxTokens = 16

  @Option(help: "Requests in flight.")
  var concurrency = 6

  @Option(help: "Seed of texts and order.")
  var seed: UInt64 = 1

  @Option(help: "Model name in the requests.")
  var model = "bench"

  @Option(help: ArgumentHelp("A header of every request; repeatable.", valueName: "name: value"))
  var header: [String] = []

  @Option(help: "Seconds after which a request is given up.")
  var timeout: Int64 = 60

  @Flag(help: "No progress.")
  var quiet = false

  func validate() throws {
    guard conversations > 0, turns > 0, groups > 0, concurrency > 0, maxTokens > 0, timeout > 0 else {
      throw ValidationError(
        "--conversations, --turns, --groups, --concurrency, --max-tokens and --timeout must be at least 1.")
    }
    guard sharedPrefixTokens >= 0, userTokens >= 0 else {
      throw ValidationError("--shared-prefix-tokens and --user-tokens must not be negative.")
    }
    guard groups <= 100_000, conversations <= 1_000_000 else {
      throw ValidationError("--groups takes at most 100000, and --conversations 1000000.")
    }
    _ = try engines()
    _ = try headers()
  }

  private func engines() throws -> [EngineReference] {
    try engine.map { text in
      let parts = text.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, parts[1].hasPrefix("http") else {
        throw ValidationError("--engine wants NAME=URL, not \"\(text)\".")
      }
      return EngineReference(name: String(parts[0]), url: Self.withoutSlash(String(parts[1])))
    }
  }

  private func headers() throws -> [(String, String)] {
    try header.map { text in
      let parts = text.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { throw ValidationError("--header wants \"NAME: VALUE\", not \"\(text)\".") }
      return (String(parts[0]), String(parts[1].drop(while: { $0 == " " })))
    }
  }

  private static func withoutSlash(_ url: String) -> String { url.last == "/" ? String(url.dropLast()) : url }

  func run() async throws {
    let baseline = try expectations.readBaseline()
    var configuration = HTTPClient.Configuration()
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = concurrency
    // HTTP/1.1 as clients of such APIs use it; one connection for each request in flight.
    configuration.httpVersion = .http1Only
    let client = HTTPClient(configuration: configuration)
    let report: ConverseReport
    do {
      report = try await converse(with: client)
    } catch {
      try await client.shutdown()
      throw error
    }
    try await client.shutdown()
    let comparison = baseline.map { "\n\n" + expectations.comparison(of: report, with: $0) } ?? ""
    try output.write(report, table: report.table + comparison)
    let unmet = expectations.unmet(by: report, baseline: baseline)
    if !unmet.isEmpty { throw BenchError(unmet.joined(separator: "; ")) }
    if !report.errors.isEmpty { throw ExitCode.failure }
  }

  private func converse(with client: HTTPClient) async throws -> ConverseReport {
    let workload = ConversationWorkload(
      settings: .init(
        conversations: conversations, turns: turns, groups: groups, sharedPrefixTokens: sharedPrefixTokens,
        userTokens: userTokens, maxTokens: maxTokens, seed: seed, model: model))
    let chat = ChatClient(
      client: client, gateway: Self.withoutSlash(gateway), model: model, maxTokens: maxTokens,
      timeout: .seconds(timeout), headers: try headers())
    let engines = try engines()
    var before: [EngineCounters] = []
    for engine in engines { before.append(try await EngineCounters.read(engine, with: client)) }
    let progress = ProgressLine(isQuiet: quiet || output.json == "-")
    let runner = ConverseRunner(workload: workload, client: chat, concurrency: concurrency) { done, total, tally in
      progress.show(done: done, total: total, note: "hit ratio so far \((tally.hitRatio * 100).decimals(0)) %")
    }
    let start = ContinuousClock.now
    let tally = await runner.run()
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    var counters: [(name: String, counters: EngineCounters)] = []
    for (engine, earlier) in zip(engines, before) {
      counters.append((engine.name, try await EngineCounters.read(engine, with: client) - earlier))
    }
    return ConverseReport(
      workload: workload, concurrency: concurrency, seconds: seconds, tally: tally, engines: counters)
  }
}
