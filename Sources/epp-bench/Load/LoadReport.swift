/// Results of one load run.
struct LoadReport: Codable, Sendable {
  var promptBytes: Int
  var chunkBytes: Int
  var responseChunks: Int
  var concurrency: Int
  var connections: Int
  var offeredRate: Double?
  var requests: UInt64
  var leftEarly: UInt64
  var unfinished: Int
  var requestsPerSecond: Double
  /// Latencies in microseconds.
  var pick: LatencySummary
  var route: LatencySummary
  var exchange: LatencySummary
  var cost: ServerCost
  var serverMicrosecondsPerRequest: Double?
  /// All of the server's CPU over the response chunks: an upper bound of the cost of one.
  var serverMicrosecondsPerChunk: Double?
  var clientMicrosecondsPerRequest: Double
  var errors: [String: UInt64]
  var requestsByDestination: [String: UInt64]
  /// Share of requests that went where most of their group went.
  var groupStickiness: Double

  init(_ result: LoadResult, command: LoadCommand, chunks: Int) {
    let statistics = result.statistics
    promptBytes = command.prompt.promptBytes
    chunkBytes = command.prompt.chunkBytes
    responseChunks = chunks
    concurrency = command.concurrency
    connections = command.server.connections
    offeredRate = command.rate
    requests = statistics.completed
    leftEarly = statistics.leftEarly
    unfinished = result.unfinished
    requestsPerSecond = Double(statistics.completed) / result.cost.seconds
    pick = statistics.pick.summary
    route = statistics.route.summary
    exchange = statistics.exchange.summary
    cost = result.cost
    serverMicrosecondsPerRequest = result.cost.serverMicroseconds(per: statistics.completed)
    serverMicrosecondsPerChunk = result.cost.serverMicroseconds(per: statistics.chunks)
    clientMicrosecondsPerRequest = result.cost.clientMicroseconds(per: statistics.completed)
    errors = Dictionary(statistics.failures.map { ($0.key.description, $0.value) }, uniquingKeysWith: +)
    requestsByDestination = statistics.requests(byDestination: result.destinations)
    groupStickiness = statistics.groupStickiness
  }

  var table: String {
    let loop = offeredRate.map { "open loop, \($0.decimals(0)) requests/s" } ?? "closed loop"
    var summary = TextTable()
    summary.add("load", "\(loop), prompt \(promptBytes) B, \(responseChunks) response chunks")
    summary.add("requests", "\(requests) (\(requestsPerSecond.decimals(0))/s)")
    if leftEarly > 0 { summary.add("left early by the server", "\(leftEarly)") }
    if offeredRate != nil { summary.add("unfinished at the end", "\(unfinished)") }
    if let cores = cost.serverCores, let each = serverMicrosecondsPerRequest,
      let user = cost.serverUserSeconds, let system = cost.serverSystemSeconds, let resident = cost.serverResidentBytes,
      let peak = cost.serverPeakResidentBytes
    {
      let share = user + system > 0 ? user / (user + system) * 100 : 0
      summary.add(
        "server CPU", "\(cores.decimals(2)) cores, \(each.decimals(1)) µs/request, \(share.decimals(0)) % user")
      if responseChunks > 1, let chunk = serverMicrosecondsPerChunk {
        summary.add("server CPU over chunks", "\(chunk.decimals(2)) µs/chunk")
      }
      summary.add("server memory", "\(Double(resident).megabytes) resident, \(Double(peak).megabytes) at most")
    }
    summary.add(
      "client CPU", "\(cost.clientCores.decimals(2)) cores, \(clientMicrosecondsPerRequest.decimals(1)) µs/request")
    summary.add("other processes", "\(cost.otherCores.decimals(2)) cores")
    summary.add("group stickiness", "\((groupStickiness * 100).decimals(1)) %")
    for (error, count) in errors.sorted(by: { $0.key < $1.key }) { summary.add("ERROR " + error, "\(count)") }

    var latencies = TextTable(header: ["latency, µs", "p50", "p90", "p99", "max"])
    for (name, value) in [("pick", pick), ("route", route), ("exchange", exchange)] {
      latencies.add(
        name, value.p50.decimals(0), value.p90.decimals(0), value.p99.decimals(0), value.maximum.decimals(0))
    }
    var destinations = TextTable(header: ["endpoint", "requests"])
    for (name, count) in requestsByDestination.sorted(by: { $0.key < $1.key }) { destinations.add(name, "\(count)") }
    return [summary.text, latencies.text, destinations.text].joined(separator: "\n\n")
  }
}

/// The cost of one more response chunk: the difference of two runs that only differ in their number.
struct ChunkComparison: Codable, Sendable {
  var fewerChunks: Int
  var moreChunks: Int
  /// Negative when the machine was noisier than the chunks are dear.
  var serverMicrosecondsPerChunk: Double

  /// Nil unless there are two runs with known server cost.
  init?(_ reports: [LoadReport]) {
    guard reports.count == 2, let fewer = reports[0].serverMicrosecondsPerRequest,
      let more = reports[1].serverMicrosecondsPerRequest
    else { return nil }
    fewerChunks = reports[0].responseChunks
    moreChunks = reports[1].responseChunks
    serverMicrosecondsPerChunk = (more - fewer) / Double(moreChunks - fewerChunks)
  }

  var table: String {
    "server CPU per response chunk, from \(fewerChunks) to \(moreChunks): "
      + serverMicrosecondsPerChunk.decimals(2) + " µs"
  }
}

/// What `load --json` writes.
struct LoadOutput: Codable, Sendable {
  var runs: [LoadReport]
  var comparison: ChunkComparison?
}
