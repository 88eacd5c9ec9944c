/// Results of a run with many open streams.
struct StreamsReport: Codable, Sendable {
  var streams: Int
  var eventsPerSecond: Double
  var openStreams: Int
  var chunks: UInt64
  /// Events under way at the end; as many as streams or more when the server is behind.
  var unanswered: Int
  /// Chunk sent to chunk answered, in microseconds.
  var echo: LatencySummary
  var cost: ServerCost
  var serverMicrosecondsPerChunk: Double?
  var serverResidentBytesBefore: Int?
  /// Growth of the server's resident memory over the open streams.
  var serverBytesPerStream: Double?
  var completed: Int
  var errors: [String: UInt64]

  init(_ result: StreamsResult, settings: StreamsSettings) {
    streams = settings.count
    eventsPerSecond = settings.eventsPerSecond
    openStreams = result.open
    chunks = result.chunks
    unanswered = result.unanswered
    echo = result.echo.summary
    cost = result.cost
    serverMicrosecondsPerChunk = result.cost.serverMicroseconds(per: result.chunks)
    serverResidentBytesBefore = result.residentBefore
    if let before = result.residentBefore, let after = result.cost.serverResidentBytes, result.open > 0 {
      serverBytesPerStream = Double(after - before) / Double(result.open)
    }
    completed = result.completed
    errors = Dictionary(result.failures.map { ($0.key.description, $0.value) }, uniquingKeysWith: +)
  }

  var table: String {
    var summary = TextTable()
    summary.add("open streams", "\(openStreams) of \(streams), \(eventsPerSecond.decimals(1)) events/s each")
    summary.add(
      "chunks", "\(chunks) (\((Double(chunks) / cost.seconds).decimals(0))/s), \(unanswered) under way at the end")
    summary.add(
      "chunk to answer, µs",
      "p50 \(echo.p50.decimals(0)), p90 \(echo.p90.decimals(0)), p99 \(echo.p99.decimals(0)), max \(echo.maximum.decimals(0))"
    )
    if let cores = cost.serverCores, let each = serverMicrosecondsPerChunk {
      summary.add("server CPU", "\(cores.decimals(2)) cores, \(each.decimals(2)) µs/chunk")
    }
    if let before = serverResidentBytesBefore, let after = cost.serverResidentBytes, let each = serverBytesPerStream {
      summary.add("server memory", "\(Double(before).megabytes) before, \(Double(after).megabytes) with the streams")
      summary.add("server memory per stream", "\((each / 1024).decimals(1)) KiB")
    }
    summary.add("client CPU", "\(cost.clientCores.decimals(2)) cores")
    summary.add("closed in order", "\(completed)")
    for (error, count) in errors.sorted(by: { $0.key < $1.key }) { summary.add("ERROR " + error, "\(count)") }
    return summary.text
  }
}
