/// How a run with many open streams is driven.
struct StreamsSettings: Sendable {
  var count: Int
  var eventsPerSecond: Double
  /// Streams opened, and at the end closed, in a second.
  var openRate: Double
  /// Seconds between the last opening and the measured time.
  var settle: Double
  var duration: Double
  var serverID: Int?
}

/// The outcome of a run with many open streams.
struct StreamsResult: Sendable {
  /// Server memory before the first stream and at the end of the measured time, in bytes.
  var residentBefore: Int?
  var cost: ServerCost
  /// Streams open in the measured time.
  var open: Int
  /// Events that came back in the measured time.
  var chunks: UInt64
  /// Events under way at its end; as many as streams or more when the server is behind.
  var unanswered: Int
  /// Chunk sent to chunk answered.
  var echo: LatencyHistogram
  /// Streams that ended as they should.
  var completed: Int
  var failures: [ExchangeFailure: UInt64]
}
