/// The results of a run with many open streams.
struct StreamsReport: Codable, Sendable {
  /// Streams to be opened.
  var streams: Int
  /// Events per second on each stream.
  var eventsPerSecond: Double
  /// Streams open in the measured time.
  var openStreams: Int
  /// Events that came back in the measured time.
  var chunks: UInt64
  /// Events that had not come back at the end; as many as streams or more when the server is late.
  var unanswered: Int
  /// Times from sending an event to its return, in microseconds.
  var echo: LatencySummary
  /// CPU time and memory in the measured time.
  var cost: ServerCost
  /// CPU time of the server per event; nil without `--server-pid`.
  var serverMicrosecondsPerChunk: Double?
  /// Resident memory of the server before the first stream, in bytes.
  var serverResidentBytesBefore: Int?
  /// Growth of the server's resident memory per open stream, in bytes.
  var serverBytesPerStream: Double?
  /// Streams that ended regularly.
  var completed: Int
  /// Failed streams by failure.
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
