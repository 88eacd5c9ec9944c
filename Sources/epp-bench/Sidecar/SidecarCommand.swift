import ArgumentParser
import NIOCore
import NIOPosix

/// The command `epp-bench sidecar`.
struct SidecarCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sidecar",
    abstract: "Measure reverse proxies before a model server beside each other: CPU of a request, added time, memory.",
    discussion: """
      It plays the model server and the clients; proxies are started before, and named with their port and process. Each round runs all \
      of them one after the other, so that what else the machine does counts for all; the medians of the rounds are printed. \
      scripts/bench/sidecar starts routing-sidecar, Envoy and nginx and runs this.
      """)

  @Option(help: ArgumentHelp("Port of the model server that this command plays.", valueName: "port"))
  var upstreamPort: Int
  @Option(
    help: ArgumentHelp(
      "A proxy: its name, port, and the ids of its processes. Repeatable.", valueName: "name=port:pid[,pid]"),
    transform: SidecarSubject.read)
  var proxy: [SidecarSubject] = []
  @Option(help: "Bytes of the bodies; one row for each.")
  var bodyBytes = [1_000, 100_000]
  @Option(help: "Requests of each proxy in a round.")
  var requests = 20_000
  @Option(help: "Connections that send requests at once.")
  var connections = 8
  @Option(help: "Rounds.")
  var rounds = 5
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if proxy.isEmpty { throw ValidationError("name a proxy with --proxy NAME=PORT:PID.") }
    if requests < connections || connections < 1 || rounds < 1 {
      throw ValidationError(
        "--requests, --connections and --rounds have to be above 0, and requests at least as many as connections.")
    }
  }

  func run() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let upstream = try await SidecarUpstream.start(port: upstreamPort, on: group)
    var report = SidecarReport()
    for bytes in bodyBytes {
      let body = ByteBuffer(repeating: 0x61, count: bytes)
      try await measure("\(bytes) bytes", body, requests, &report, group)
    }
    try await measure("events", nil, max(connections, requests / 200), &report, group)
    try await upstream.close()
    try await group.shutdownGracefully()
    try output.write(report, table: report.table)
  }

  private func measure(
    _ name: String, _ body: ByteBuffer?, _ requests: Int, _ report: inout SidecarReport,
    _ group: MultiThreadedEventLoopGroup
  ) async throws {
    var rows: [String: SidecarReport.Row] = [:]
    let direct = SidecarSubject(name: "none", port: upstreamPort, processes: [])
    for _ in 0..<rounds {
      for subject in [direct] + proxy {
        let before = try subject.sample()
        let result = try await SidecarClient.run(
          port: subject.port, body: body, requests: requests, connections: connections, on: group)
        let after = try subject.sample()
        guard result.failures == 0 else { throw BenchError("\(subject.name) has failed \(result.failures) requests") }
        rows[subject.name, default: SidecarReport.Row(load: name, proxy: subject.name)].add(
          cpu: (after.cpu - before.cpu) / Double(requests), result, memory: after.memory)
      }
    }
    for subject in [direct] + proxy { if let row = rows[subject.name] { report.rows.append(row) } }
  }
}

/// A proxy that is measured.
struct SidecarSubject: Sendable {
  var name: String
  var port: Int
  /// Its processes; none for the model server itself.
  var processes: [Int]

  /// Reads `NAME=PORT:PID[,PID]`.
  static func read(_ text: String) throws -> SidecarSubject {
    let parts = text.split(separator: "=", maxSplits: 1)
    let numbers = parts.count == 2 ? parts[1].split(separator: ":", maxSplits: 1) : []
    guard numbers.count == 2, let port = Int(numbers[0]) else {
      throw ValidationError("'\(text)' is not NAME=PORT:PID.")
    }
    let processes = numbers[1].split(separator: ",").compactMap { Int($0) }
    guard !processes.isEmpty else { throw ValidationError("'\(text)' names no process.") }
    return SidecarSubject(name: String(parts[0]), port: port, processes: processes)
  }

  /// CPU time in seconds and resident memory in bytes of all its processes.
  func sample() throws -> (cpu: Double, memory: Int) {
    let samples = try processes.map { try ProcessSample(processID: $0) }
    return (samples.map(\.cpuSeconds).reduce(0, +), samples.map(\.residentBytes).reduce(0, +))
  }
}
