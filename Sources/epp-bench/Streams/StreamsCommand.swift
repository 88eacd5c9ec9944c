import ArgumentParser
import NIOCore
import NIOPosix

/// `epp-bench streams`.
struct StreamsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "streams",
    abstract: "Hold many open ext_proc streams with slow response events and measure memory and CPU.",
    discussion: """
      Start the server anew before a run: memory that earlier load has left behind would hide what the streams need. \
      Memory per stream is the growth of the server's resident memory from before the first stream to the end of the \
      measured time. CPU per chunk here is the cost of a chunk that arrives alone, which is more than at saturation.
      """)

  @OptionGroup var server: ServerOptions
  @OptionGroup var prompt: PromptOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "Open streams.")
  var count = 10_000

  @Option(help: "Response events per second on each stream.")
  var eventsPerSecond = 2.0

  @Option(help: "Streams opened per second.")
  var openRate = 2000.0

  @Option(help: "Seconds between the last opening and the measured time.")
  var settle = 3.0

  @Option(help: "Measured seconds.")
  var duration = 20.0

  func validate() throws {
    guard count > 0, count <= 1_000_000 else { throw ValidationError("--count must be between 1 and 1000000.") }
    guard eventsPerSecond > 0, eventsPerSecond <= 200 else {
      throw ValidationError("--events-per-second must be above 0 and at most 200.")
    }
    guard openRate >= 1, duration >= 1, settle >= 0 else {
      throw ValidationError("--open-rate and --duration must be at least 1, --settle not negative.")
    }
  }

  func run() async throws {
    let plan = ExchangePlan(
      address: try server.address(), connections: server.connections, templates: prompt.templates(streams: true),
      response: ResponseTemplate(api: prompt.api, model: prompt.model, streams: true), responseChunks: 1,
      pacing: .timed, checksBodies: false, seed: prompt.seed)
    let settings = StreamsSettings(
      count: count, eventsPerSecond: eventsPerSecond, openRate: openRate, settle: settle, duration: duration,
      serverID: server.serverID)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let eventLoop = group.next()
    let result: StreamsResult
    do {
      result = try await eventLoop.flatSubmit {
        StreamsDriver.run(settings: settings, plan: plan, on: eventLoop)
      }.get()
    } catch {
      try await group.shutdownGracefully()
      throw error
    }
    try await group.shutdownGracefully()
    let report = StreamsReport(result, settings: settings)
    try output.write(report, table: report.table)
    if report.completed != count || !report.errors.isEmpty { throw ExitCode.failure }
  }
}
