import EPPCore
import EPPMetrics
import EPPPrefixCache
import FoundationEssentials
import Logging
import ZeroMQ

/// The metrics and log lines of one stream.
struct KVStreamReports {
  /// Warnings that are logged once per stream.
  enum Warning: Hashable {
    case unreadable
    case degraded
    case unusable
    case notZeroMQ
    case misdirected
    case unmatched
    case replayNotAsked
    case replayUnreadable
    case replayUnanswered
    case replayGivenUp
    case unreachable
    case noSocket
    case severalPublishers
  }

  /// What has changed since the last `show`.
  struct Change {
    /// Whether restarts were added.
    var hasRestarted: Bool
    /// Whether `KVStreamStateMachine.isComplete` has changed.
    var isCompletenessChanged: Bool
  }

  /// Messages that could not be decoded.
  private(set) var unreadableMessages = 0

  private let endpoint: Endpoint
  private let address: KVStreamAddress
  private let context: EventThreadContext
  private let series: KVStreamSeries
  private var shown: (state: KVStreamState, isReplaying: Bool, lost: UInt64, restarts: UInt64) = (.waiting, false, 0, 0)
  private var wasComplete = true
  /// Whether the connection has failed in a way that was counted, and was not tried again.
  private var isFailureCounted = false
  private var errors: [KVStreamSeries.Operation: Counter] = [:]
  private var lastReplay: Gauge?
  private var warned: Set<Warning> = []

  init(_ endpoint: Endpoint, _ address: KVStreamAddress, _ context: EventThreadContext) {
    self.endpoint = endpoint
    self.address = address
    self.context = context
    series = context.takeSeries(
      endpoint: endpoint.name, address: "\(endpoint.address)", rank: address.rank)
    series.state.set(KVStreamState.waiting.number)
  }

  /// Releases the stream's metrics.
  func stop() {
    if shown.isReplaying { series.replaysUnderWay.add(-1) }
    context.giveBack(series, endpoint: endpoint.name, rank: address.rank)
  }

  private var metadata: Logger.Metadata {
    var metadata: Logger.Metadata = ["endpoint": .string(endpoint.name)]
    if let events = address.events { metadata["events"] = .string(events) }
    if address.rank > 0 { metadata["rank"] = .stringConvertible(address.rank) }
    return metadata
  }

  /// Why a stream is degraded, in a sentence.
  static func reason(isMostlyUnusable: Bool, hasReplay: Bool) -> String {
    if isMostlyUnusable {
      "most of the blocks that the engine announces cannot be indexed: they hold only parts of prefixes (sliding windows, "
        + "Mamba states), or are of other sizes than the others; what is sent to the engine counts as its cache instead"
    } else if hasReplay {
      "not all of the engine's KV events could be had, by its replay either: blocks may be missed until its cache is emptied"
    } else {
      "not all of the engine's KV events have come, and there is no replay socket to ask (--kv-replay-port, or kvReplay in "
        + "the endpoints file): blocks may be missed until its cache is emptied"
    }
  }

  /// Logs a warning once for the life of the stream.
  mutating func warn(_ warning: Warning, _ text: @autoclosure () -> String) {
    guard warned.insert(warning).inserted else { return }
    context.logger.warning("\(text())", metadata: metadata)
  }

  /// Logs an information each time.
  func info(_ text: String) { context.logger.info("\(text)", metadata: metadata) }

  /// Logs a warning each time.
  func warning(_ text: String) { context.logger.warning("\(text)", metadata: metadata) }

  /// Counts a message that could not be decoded, and warns once.
  mutating func noteUnreadable(_ reason: String) {
    unreadableMessages += 1
    context.series.unreadable.increment()
    warn(
      .unreadable,
      "a message is none of vLLM's or SGLang's KV events: \(reason); is it the port of --kv-events-config? "
        + "Further ones are counted in epp_kv_events_messages_total{outcome=\"unreadable\"}")
  }

  /// Counts the end of a connection, or a failed attempt to make one.
  mutating func noteLost(_ loss: PublisherConnection.Loss) {
    switch loss {
    case .ended: count(.receive)
    case .handshakeFailed: count(.connect)
    case .retried:
      // It follows an end that has been counted, or tells of an attempt that has failed.
      if !isFailureCounted { count(.connect) }
      noteRetry()
      return
    }
    isFailureCounted = true
  }

  /// Counts an attempt to connect again.
  mutating func noteRetry() {
    series.reconnections.increment()
    isFailureCounted = false
  }

  /// Counts a subscription that could not be made, and warns once.
  mutating func noteUnsubscribed(_ error: ZeroMQError) {
    count(.connect)
    warn(.noSocket, "KV events cannot be followed, and it is tried again: \(error)")
  }

  /// Counts a replay that could not be asked for, and warns once.
  mutating func noteReplayNotAsked(_ error: ZeroMQError) {
    count(.replayConnect)
    warn(.replayNotAsked, "the engine's replay cannot be asked for: \(error)")
  }

  private mutating func count(_ operation: KVStreamSeries.Operation) {
    let counter = errors[operation] ?? series.errors(operation)
    errors[operation] = counter
    counter.increment()
  }

  /// Counts a message.
  func noteMessage() { series.messages.increment() }

  /// Counts a message of a replay.
  func noteReplayedMessage() { series.replayedMessages.increment() }

  /// Counts a replay that has brought everything.
  mutating func noteCompleteReplay() {
    context.series.completeReplays.increment()
    series.completeReplays.increment()
    let ended = lastReplay ?? series.lastReplay()
    lastReplay = ended
    ended.set(Date().timeIntervalSince1970)
  }

  /// Warns that the peer does not behave like a publisher.
  mutating func note(_ suspicion: PublisherConnection.Suspicion) {
    switch suspicion {
    case .failsHandshakes:
      warn(
        .notZeroMQ,
        "who listens there does not publish by ZeroMQ: give the port of the engine's --kv-events-config")
    case .hangsUpAtOnce:
      warn(.notZeroMQ, "who listens there hangs up at once: give the port of the engine's --kv-events-config")
    }
  }

  /// Warns that the library has given up the connection.
  mutating func warnBroken() {
    let maximumBytes = context.configuration.maximumFrameBytes
    warn(
      .notZeroMQ,
      "the connection has ended because of what came over it: no ZeroMQ, or a message of more than "
        + "\(maximumBytes) bytes; it is made again")
  }

  /// Counts a replay that this side has ended, and warns once.
  mutating func note(_ failure: ReplayFailure) {
    series.failedReplays.increment()
    count(failure == .unanswered(hasBrought: false) ? .replayNoProgress : .replayIncomplete)
    switch failure {
    case .unanswered(let hasBrought):
      context.series.brokenReplays.increment()
      guard !hasBrought else { return }
      let replay = address.replay ?? ""
      warn(
        .replayUnanswered,
        "the engine's replay does not answer at \(replay) or breaks off: check --kv-replay-port and "
          + "replay_endpoint of the engine's --kv-events-config")
    case .tooManyQuestions(let count):
      noteGivenUp("it has been asked \(count) times in a row and leaves something out each time")
    case .tooMuch(let messages, let bytes):
      noteGivenUp("it has brought \(messages) messages and \(bytes) bytes and does not end")
    case .tooLong(let time): noteGivenUp("it has taken longer than \(time)")
    }
  }

  private mutating func noteGivenUp(_ reason: String) {
    context.series.excessiveReplays.increment()
    warn(.replayGivenUp, "the engine's replay was given up: \(reason)")
  }

  /// Warns that the engine has cache hits while no prompt matches the blocks that it announced.
  mutating func warnUnmatched() {
    let blockTokens = context.index.currentAnnouncements().blockTokens
    warn(
      .unmatched,
      "the engine finds prompts in its cache, and nothing that its KV events announce matches what is sent there. Likely "
        + "causes: requests are tokenized otherwise than the engine does it (another tokenizer or chat template), the "
        + "name of a LoRA adapter or a cache_salt differs, engines of the pool have blocks of different sizes (the last "
        + "one announced has \(blockTokens) tokens), or most of its cache is older than its "
        + "events here, and its hash seed is not known (PYTHONHASHSEED). "
        + "epp_prefix_unmatched_windows_total goes on counting")
  }

  /// Updates the metrics, and logs a degraded state.
  ///
  /// - Parameter degraded: the warning to log when the state is degraded; nil for none.
  mutating func show(
    _ state: KVStreamState, _ machine: borrowing KVStreamStateMachine, degraded: @autoclosure () -> (Warning, String)?
  ) -> Change {
    if state != shown.state {
      series.state.set(state.number)
      if let (warning, reason) = degraded() { warn(warning, reason) }
    }
    let isReplaying = machine.askedAt != nil
    if isReplaying != shown.isReplaying { series.replaysUnderWay.add(isReplaying ? 1 : -1) }
    let (lost, restarts, isComplete) = (machine.lostMessages, machine.restarts, machine.isComplete)
    if lost > shown.lost { series.lost.increment(by: Int(clamping: lost - shown.lost)) }
    if restarts > shown.restarts { series.restarts.increment(by: Int(clamping: restarts - shown.restarts)) }
    defer { (shown, wasComplete) = ((state, isReplaying, lost, restarts), isComplete) }
    return Change(hasRestarted: restarts > shown.restarts, isCompletenessChanged: isComplete != wasComplete)
  }
}

extension KVStreamState {
  /// The state's number on the metrics page.
  fileprivate var number: Int {
    switch self {
    case .waiting: 0
    case .replaying: 1
    case .live: 2
    case .degraded: 3
    }
  }
}
