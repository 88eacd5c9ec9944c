/// Where engines publish their KV events, and limits on following them.
package struct KVEventsConfiguration: Sendable {
  /// The port of every endpoint's publisher; nil when only endpoints with an address of their own have one.
  package var eventsPort: UInt16?
  /// The port of every endpoint's replay socket; nil when only endpoints with an address of their own have one.
  package var replayPort: UInt16?
  /// Data-parallel ranks of one endpoint: rank r publishes on the port plus r, as in vLLM. Nil: one rank for engines that
  /// listen, and any rank that messages name for engines that connect to this process.
  package var dataParallelSize: Int?
  /// The address on which this process listens for publishers that connect to it, such as `tcp://*:5557`; nil for none.
  package var bindAddress: String?

  /// The largest frame in bytes; an engine that sends a larger one is disconnected and left alone for `reviveAfter`. A prompt
  /// of a million tokens computed in one step takes 5 MB.
  package var maximumFrameBytes: Int64 = 16 << 20
  /// The largest number of messages of one engine that the library queues.
  package var maximumReadAhead: Int32 = 32
  /// The largest size of the messages that wait for the replay of one stream, in bytes.
  package var maximumHeldBytes = 16 << 20
  /// The largest size of the messages that wait for replays of all streams, in bytes.
  package var maximumHeldBytesOfAll = 256 << 20

  /// The largest number of simultaneous replays (the llm-d EPP's number).
  package var maximumReplays = 8
  /// The largest number of messages of a replay that the library queues. The engine drops messages that it can neither send nor
  /// queue: a replay of 10,000 messages then takes several requests, each from the first missing message.
  package var maximumReplayReadAhead: Int32 = 128
  /// Most messages received for one gap before the replay is given up. Engines keep 10,000 messages by default.
  package var maximumReplayMessages = 20_000
  /// Most bytes received for one gap before the replay is given up.
  package var maximumReplayBytes = 1 << 30
  /// Most replay requests for one gap, unanswered ones included, before the replay is given up.
  package var maximumReplayAsks = 64
  /// How long a replay may bring nothing before it counts as unanswered (the llm-d EPP's number).
  package var replayIdleTimeout = Duration.seconds(2)
  /// How long the replays for one gap may take together before they are given up (the llm-d EPP's number).
  package var replayTimeout = Duration.seconds(120)
  /// How long a replay may run while other streams wait for their turn; then it continues after them.
  package var longestReplayTurn = Duration.seconds(10)
  /// Most requests for a replay without any answer; a check for missed messages is requested once only.
  package var replayAttempts = 3
  /// How long a replay socket is left alone after a failure; doubled with each further one, up to `longestReplayPause`.
  package var replayPause = Duration.seconds(2)
  /// The longest pause after failures of a replay socket.
  package var longestReplayPause = Duration.seconds(256)

  /// How long after a connect without messages a stream checks, with a replay, whether it has missed any.
  package var quietAfterConnect = Duration.seconds(1)
  /// How long after its last message a stream checks, with a replay, whether it has missed any.
  package var quietAfterMessage = Duration.seconds(2)
  /// How long a publisher may be unreachable before picks no longer rely on its stream.
  package var disconnectedAfter = Duration.seconds(10)
  /// How long an engine is left alone that sent something that is no ZeroMQ or too large; doubled each time, up to
  /// `longestRevive`.
  package var reviveAfter = Duration.seconds(2)
  /// The longest value that `reviveAfter` is doubled to.
  package var longestRevive = Duration.seconds(60)
  /// The time in which the numbers of an engine's messages may start again three times. A fourth time pauses the stream.
  package var restartWindow = Duration.seconds(60)
  /// How long a stream is paused whose numbers start again too often; doubled each time, up to 480 s.
  package var restartPause = Duration.seconds(30)
  /// The largest number of sockets: a stream takes three, and one more for a replay.
  package var maximumSockets = 65_535

  /// The default configuration.
  package init() {}
}
