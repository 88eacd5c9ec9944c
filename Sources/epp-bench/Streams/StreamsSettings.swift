/// The settings of a run with many open streams.
struct StreamsSettings: Sendable {
  /// Streams to be opened.
  var count: Int
  /// Events per second on each stream.
  var eventsPerSecond: Double
  /// Streams opened, and at the end closed, per second.
  var openRate: Double
  /// Seconds between the last opening and the measured time.
  var settle: Double
  /// Seconds of the measured time.
  var duration: Double
  /// Process id of the server; nil when its cost is not measured.
  var serverID: Int?
}

/// The result of a run with many open streams.
struct StreamsResult: Sendable {
  /// Resident memory of the server before the first stream, in bytes.
  var residentBefore: Int?
  /// CPU time and memory in the measured time.
  var cost: ServerCost
  /// Streams open in the measured time.
  var open: Int
  /// Events that came back in the measured time.
  var chunks: UInt64
  /// Events that had not come back at the end of the measured time.
  var unanswered: Int
  /// Times from sending an event to its return.
  var echo: LatencyHistogram
  /// Streams that ended regularly.
  var completed: Int
  /// Failed streams by failure.
  var failures: [ExchangeFailure: UInt64]
}
