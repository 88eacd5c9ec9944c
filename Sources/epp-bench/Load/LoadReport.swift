/// The results of one load run.
struct LoadReport: Codable, Sendable {
  /// Bytes of a prompt.
  var promptBytes: Int
  /// Body bytes of a request message at most.
  var chunkBytes: Int
  /// Chunks of a response.
  var responseChunks: Int
  /// Streams open at one time; with an open loop at most.
  var concurrency: Int
  /// Number of connections.
  var connections: Int
  /// Arrivals per second of an open loop; nil for a closed loop.
  var offeredRate: Double?
  /// Completed requests in the measured time.
  var requests: UInt64
  /// Completed requests whose stream the server ended before the response.
  var leftEarly: UInt64
  /// Exchanges open, or waiting to be opened, at the end of the measured time.
  var unfinished: Int
  /// Rate of completed requests.
  var requestsPerSecond: Double
  /// Times of `LoadStatistics.pick`, in microseconds.
  var pick: LatencySummary
  /// Times of `LoadStatistics.route`, in microseconds.
  var route: LatencySummary
  /// Times of `LoadStatistics.exchange`, in microseconds.
  var exchange: LatencySummary
  /// CPU time and memory in the measured time.
  var cost: ServerCost
  /// CPU time of the server per completed request; nil without `--server-pid`.
  var serverMicrosecondsPerRequest: Double?
  /// CPU time of the server per response chunk, including that of requests: an upper limit of the cost of a chunk.
  var serverMicrosecondsPerChunk: Double?
  /// CPU time of this tool per completed request.
  var clientMicrosecondsPerRequest: Double
  /// Failed requests of the whole run, by failure.
  var errors: [String: UInt64]
  /// Completed requests by endpoint.
  var requestsByDestination: [String: UInt64]
  /// Share of requests that went to the most frequent endpoint of their group, 0...1.
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

/// The cost of one more response chunk, from two runs that differ only in the number of chunks.
struct ChunkComparison: Codable, Sendable {
  /// Chunks of a response in the first run.
  var fewerChunks: Int
  /// Chunks of a response in the second run.
  var moreChunks: Int
  /// Additional CPU time of the server per chunk; may be negative when noise exceeds the cost.
  var serverMicrosecondsPerChunk: Double

  /// Compares two runs; nil unless there are two with known server cost.
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

/// The output of `load --json`.
struct LoadOutput: Codable, Sendable {
  /// The results of one run or two.
  var runs: [LoadReport]
  /// The comparison of two runs; nil for one.
  var comparison: ChunkComparison?
}
