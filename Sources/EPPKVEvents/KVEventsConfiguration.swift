/// Where engines publish their KV events, and what following them may cost.
package struct KVEventsConfiguration: Sendable {
  /// The port of every endpoint's publisher; nil when only endpoints that name an address have one.
  package var eventsPort: UInt16?
  /// The port of every endpoint's replay socket.
  package var replayPort: UInt16?
  /// Data-parallel ranks behind one endpoint: rank r publishes on the port plus r, as vLLM does. Nil is one for engines that
  /// listen, and any rank that engines name which connect to this process.
  package var dataParallelSize: Int?
  /// Where this process listens for publishers that connect to it, such as `tcp://*:5557`; nil when none do.
  package var bindAddress: String?

  /// Bytes of a frame; an engine that sends a larger one is left alone for a while. A prompt of a million tokens computed in
  /// one step takes 5 MB.
  package var maximumFrameBytes: Int64 = 16 << 20
  /// Messages of one engine that the library reads ahead.
  package var maximumReadAhead: Int32 = 32
  /// Bytes of messages that wait for the replay of one stream, and of all of them.
  package var maximumHeldBytes = 16 << 20
  package var maximumHeldBytesOfAll = 256 << 20

  /// Replays at one time (the llm-d EPP's number).
  package var maximumReplays = 8
  /// Messages of a replay that the library reads ahead. The engine drops what it can neither send nor keep: a replay of
  /// 10,000 messages is asked for a few times then, each time from the first one that is missing.
  package var maximumReplayReadAhead: Int32 = 128
  /// Messages and bytes until nothing is missing any more, and questions in a row, those without an answer among them:
  /// engines keep 10,000 messages unless told otherwise.
  package var maximumReplayMessages = 20_000
  package var maximumReplayBytes = 1 << 30
  package var maximumReplayAsks = 64
  /// How long a replay may be silent, and how long it may take (the llm-d EPP's numbers).
  package var replayIdleTimeout = Duration.seconds(2)
  package var replayTimeout = Duration.seconds(120)
  /// How long one may take while other streams wait for theirs; then it goes on behind them.
  package var longestReplayTurn = Duration.seconds(10)
  /// How often a replay is asked for, all in all, before it counts as not answered; a mere check is worth one question.
  package var replayAttempts = 3
  /// How long a replay socket is left alone that was of no use; doubled each time, up to the longest.
  package var replayPause = Duration.seconds(2)
  package var longestReplayPause = Duration.seconds(256)

  /// When a stream from which nothing comes any more is asked whether there was more: after it was connected, and after
  /// its last message.
  package var quietAfterConnect = Duration.seconds(1)
  package var quietAfterMessage = Duration.seconds(2)
  /// When an engine whose publisher cannot be reached is taken for one without KV events.
  package var disconnectedAfter = Duration.seconds(10)
  /// How long an engine is left alone that has sent what is no ZeroMQ or too large; doubled each time, up to the longest.
  package var reviveAfter = Duration.seconds(2)
  package var longestRevive = Duration.seconds(60)
  /// In which time an engine's messages may be numbered anew three times, as those of one that does not start well.
  package var restartWindow = Duration.seconds(60)
  /// How long a stream is left alone whose messages are numbered anew again and again; doubled each time.
  package var restartPause = Duration.seconds(30)
  /// Sockets that the library makes at most: a stream takes three, and another one for a replay.
  package var maximumSockets = 65_535

  package init() {}
}
