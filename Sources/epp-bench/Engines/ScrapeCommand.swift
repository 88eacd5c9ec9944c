import ArgumentParser
import NIOCore
import NIOPosix

/// `epp-bench scrape`.
struct ScrapeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scrape",
    abstract: "Measure what an idle endpoint picker costs beside many engines.",
    discussion: """
      Stands in for --count engines, starts the endpoint picker with an --endpoint flag for each of them (or measures \
      a running one, given by --server-pid, that was started with the same --first-port), waits until every engine has \
      been scraped ten times and --settle seconds more, and measures CPU for --duration seconds. Arguments behind "--" \
      go to the endpoint picker:
        taskset -c 1 epp-bench scrape --count 100 --page-bytes 55000 --epp .build/release/epp --epp-cpu 0 -- \
      --secure-serving=false
      """)

  @OptionGroup var engines: EngineOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "The endpoint picker to start.")
  var epp: String?

  @Option(name: .customLong("epp-cpu"), help: "Core to keep the started endpoint picker on (taskset).")
  var eppCPU: Int?

  @Option(name: .customLong("server-pid"), help: "A running endpoint picker instead.")
  var serverID: Int?

  @Option(help: "Seconds between the first scrapes and the measured time.")
  var settle = 5.0

  @Option(help: "Measured seconds.")
  var duration = 20.0

  @Argument(parsing: .postTerminator, help: "Arguments for the started endpoint picker.")
  var eppArguments: [String] = []

  /// Scrapes of every engine before the measurement.
  private static let firstScrapes: UInt64 = 10
  /// Longest time until `firstScrapes` scrapes of every engine.
  private static let timeout = Duration.seconds(60)

  func validate() throws {
    guard (epp == nil) != (serverID == nil) else {
      throw ValidationError("Give either --epp PATH or --server-pid PID.")
    }
    if serverID != nil, engines.firstPort == nil {
      throw ValidationError("--server-pid needs --first-port: the server must already know the ports.")
    }
    guard duration >= 1, settle >= 0 else {
      throw ValidationError("--duration must be at least 1, --settle not negative.")
    }
  }

  func run() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let fleet = try await EngineFleet(
      count: engines.count, firstPort: engines.firstPort, pageBytes: engines.pageBytes, model: engines.model, on: group)
    let process = try epp.map {
      try ServerProcess(executable: $0, arguments: eppArguments + fleet.endpointFlags, cpu: eppCPU)
    }
    let report: ScrapeReport
    do {
      report = try await measure(fleet, serverID: process?.processID ?? serverID, process)
    } catch {
      await process?.stop()
      throw error
    }
    await process?.stop()
    await fleet.close()
    try await group.shutdownGracefully()
    try output.write(report, table: report.table)
  }

  private func measure(_ fleet: EngineFleet, serverID: Int?, _ process: ServerProcess?) async throws -> ScrapeReport {
    let deadline = ContinuousClock.now + Self.timeout
    while fleet.fewestScrapes < Self.firstScrapes {
      if let process, !process.isRunning { throw BenchError("the endpoint picker ended; its messages stand above") }
      guard ContinuousClock.now < deadline else {
        throw BenchError("an engine was scraped \(fleet.fewestScrapes) times in \(Self.timeout); are the ports known?")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
    try await Task.sleep(for: .seconds(settle))
    let first = try CostSample(serverID: serverID)
    let scrapesBefore = fleet.scrapes
    try await Task.sleep(for: .seconds(duration))
    let scrapes = fleet.scrapes - scrapesBefore
    return ScrapeReport(engines: engines, scrapes: scrapes, cost: try CostSample(serverID: serverID).cost(since: first))
  }
}
