import EPPCore
import EPPMetrics
import EPPPrefixCache
import Logging

/// What others see of a stream: its status, its metrics, the log.
extension KVStream {
  /// What is said of a stream once only.
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

  var status: KVStreamStatus {
    KVStreamStatus(
      endpoint: endpoint.name, rank: address.rank, events: address.events, replay: address.replay,
      isConnected: isConnected, state: state, reason: reason, isFollowed: followed, nextMessage: machine.next,
      messages: messages, lostMessages: machine.lostMessages, unreadableMessages: unreadableMessages,
      heldMessages: heldMessages, restarts: machine.restarts, blockHashes: hashCheck.name,
      silentFor: lastMessageAt.map { Double(context.now().duration(since: $0).components.seconds) })
  }

  var metadata: Logger.Metadata {
    var metadata: Logger.Metadata = ["endpoint": .string(endpoint.name)]
    if let events = address.events { metadata["events"] = .string(events) }
    if address.rank > 0 { metadata["rank"] = .stringConvertible(address.rank) }
    return metadata
  }

  /// Why the stream is degraded, in a sentence; nil when it is not.
  private var reason: String? {
    guard state == .degraded else { return nil }
    if blockUse.isMostlyUnusable {
      return
        "most of the blocks that the engine announces cannot be indexed: they hold only parts of prefixes (sliding windows, "
        + "Mamba states), or are of other sizes than the others; what is sent to the engine counts as its cache instead"
    }
    return address.replay == nil
      ? "not all of the engine's KV events have come, and there is no replay socket to ask (--kv-replay-port, or kvReplay in "
        + "the endpoints file): blocks may be missed until its cache is emptied"
      : "not all of the engine's KV events could be had, by its replay either: blocks may be missed until its cache is emptied"
  }

  /// Says something once for the life of the stream; metrics go on counting.
  func warn(_ warning: Warning, _ text: @autoclosure () -> String) {
    guard warned.insert(warning).inserted else { return }
    context.logger.warning("\(text())", metadata: metadata)
  }

  /// The engine's blocks are never asked for, and it finds prompts in its cache all the same.
  func warnUnmatched() {
    warn(
      .unmatched,
      "the engine finds prompts in its cache, and nothing that its KV events announce matches what is sent there. Likely "
        + "causes: requests are tokenized otherwise than the engine does it (another tokenizer or chat template), the "
        + "name of a LoRA adapter or a cache_salt differs, engines of the pool have blocks of different sizes (the last "
        + "one announced has \(context.index.currentAnnouncements().blockTokens) tokens), or most of its cache is older than its "
        + "events here, and its hash seed is not known (PYTHONHASHSEED). "
        + "epp_prefix_unmatched_windows_total goes on counting")
  }

  func noteUnreadable(_ reason: String) {
    unreadableMessages += 1
    context.series.unreadable.increment()
    warn(
      .unreadable,
      "a message is none of vLLM's or SGLang's KV events: \(reason); is it the port of --kv-events-config? "
        + "Further ones are counted in epp_kv_events_messages_total{outcome=\"unreadable\"}")
  }

  /// Brings metrics and the log up to the machine's state.
  func show() {
    let state = state
    if state != shown.state {
      series.state.set(state.number)
      if let reason, restartLimit.pausedUntil == nil { warn(blockUse.isMostlyUnusable ? .unusable : .degraded, reason) }
    }
    if machine.lostMessages > shown.lost { series.lost.increment(by: Int(clamping: machine.lostMessages - shown.lost)) }
    if machine.restarts > shown.restarts {
      series.restarts.increment(by: Int(clamping: machine.restarts - shown.restarts))
    }
    let hasRestarted = machine.restarts > shown.restarts
    shown = (state, machine.lostMessages, machine.restarts)
    if hasRestarted { noteRestart() }
    guard machine.isComplete != wasComplete else { return }
    wasComplete = machine.isComplete
    notePosition()
  }
}

extension KVStreamState {
  /// Its number on the metrics page.
  var number: Int {
    switch self {
    case .waiting: 0
    case .replaying: 1
    case .live: 2
    case .degraded: 3
    }
  }
}

extension EngineHashCheck {
  /// How the engine hashes, in a word.
  fileprivate var name: String {
    switch verdict {
    case .open: "unknown"
    case .known(let hasher): hasher.algorithm.rawValue
    case .foreign: "other"
    }
  }
}
