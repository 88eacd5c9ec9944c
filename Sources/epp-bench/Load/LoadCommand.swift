import ArgumentParser
import NIOCore
import NIOPosix

extension Exchange.Pacing: CaseIterable, ExpressibleByArgument {
  static let allCases: [Exchange.Pacing] = [.lockstep, .burst]

  init?(argument: String) {
    switch argument {
    case "lockstep": self = .lockstep
    case "burst": self = .burst
    default: return nil
    }
  }
}

/// `epp-bench load`.
struct LoadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load",
    abstract: "Play many ext_proc streams, as Envoy does in FULL_DUPLEX_STREAMED, and measure the server.",
    discussion: """
      One request is one stream: headers, body chunks, an empty chunk that ends the body; when headers and body are \
      answered, response headers, --response-chunks chunks and the end; half-close; status. Without --rate a closed \
      loop keeps --concurrency streams open; with it requests arrive at random (Poisson) and latencies count from the \
      moment at which a request should have started.

      On a small machine pin the server and this tool to different cores, or they disturb each other:
        taskset -c 0 epp serve --secure-serving=false --endpoint ... &
        taskset -c 1 epp-bench load --server-pid $! --prompt-bytes 16384
      "CPU per request" is the server's user and system time over the requests that ended in the measured time. \
      --compare-chunks runs twice and gives the CPU of one more response chunk.
      """)

  @OptionGroup var server: ServerOptions
  @OptionGroup var prompt: PromptOptions
  @OptionGroup var output: OutputOptions

  @Option(help: "Streams open at once; with --rate the most that may be open.")
  var concurrency = 64

  @Option(help: "Requests per second of an open loop.")
  var rate: Double?

  @Option(help: "Measured seconds.")
  var duration = 10.0

  @Option(help: "Seconds before the measured time.")
  var warmUp = 2.0

  @Option(help: "Seconds after which a request is given up.")
  var timeout = 30.0

  @Option(help: "Chunks of a response: 1 is a JSON document, more are server-sent events.")
  var responseChunks = 1

  @Option(help: "When the next response chunk is sent: lockstep (after the last has come back) or burst.")
  var pacing = Exchange.Pacing.lockstep

  @Option(help: "Run a second time with this many response chunks and report the CPU per chunk.")
  var compareChunks: Int?

  @Flag(help: "Show the server the headers of answers, and no bodies, as a gateway with response_body_mode NONE does.")
  var headersOnly = false

  @Flag(help: "Compare every byte of the bodies that come back.")
  var check = false

  func validate() throws {
    guard concurrency > 0 else { throw ValidationError("--concurrency must be at least 1.") }
    guard duration >= 1 else { throw ValidationError("--duration must be at least 1 second.") }
    guard warmUp >= 0, timeout > 0 else { throw ValidationError("--warm-up and --timeout must not be negative.") }
    guard rate ?? 1 > 0 else { throw ValidationError("--rate must be above 0.") }
    guard responseChunks > 0 else { throw ValidationError("--response-chunks must be at least 1.") }
    if headersOnly, responseChunks > 1 || compareChunks != nil {
      throw ValidationError("--headers-only sends no chunks: leave --response-chunks and --compare-chunks out.")
    }
    if let compareChunks {
      guard compareChunks > responseChunks else {
        throw ValidationError("--compare-chunks must be above --response-chunks.")
      }
      guard server.serverID != nil else { throw ValidationError("--compare-chunks needs --server-pid.") }
    }
  }

  func run() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    var reports: [LoadReport] = []
    do {
      for chunks in [responseChunks] + (compareChunks.map { [$0] } ?? []) {
        reports.append(try await run(chunks: chunks, on: group.next()))
      }
    } catch {
      try await group.shutdownGracefully()
      throw error
    }
    try await group.shutdownGracefully()
    let comparison = ChunkComparison(reports)
    try output.write(
      LoadOutput(runs: reports, comparison: comparison),
      table: reports.map(\.table).joined(separator: "\n\n") + (comparison.map { "\n\n" + $0.table } ?? ""))
    if reports.contains(where: { $0.requests == 0 || !$0.errors.isEmpty }) { throw ExitCode.failure }
  }

  private func run(chunks: Int, on eventLoop: any EventLoop) async throws -> LoadReport {
    // Both runs of a comparison ask for events, so that only the number of chunks differs.
    let streams = chunks > 1 || compareChunks != nil
    let plan = ExchangePlan(
      address: try server.address(), connections: server.connections,
      templates: prompt.templates(streams: streams || headersOnly, showsAnswers: !headersOnly),
      response: ResponseTemplate(api: prompt.api, model: prompt.model, streams: streams), responseChunks: chunks,
      pacing: pacing, showsAnswers: !headersOnly, checksBodies: check, seed: prompt.seed)
    let settings = LoadSettings(
      concurrency: concurrency, rate: rate, warmUp: warmUp, duration: duration, timeout: timeout,
      serverID: server.serverID)
    let result = try await eventLoop.flatSubmit {
      LoadDriver.run(settings: settings, plan: plan, on: eventLoop)
    }.get()
    return LoadReport(result, command: self, chunks: chunks)
  }
}
