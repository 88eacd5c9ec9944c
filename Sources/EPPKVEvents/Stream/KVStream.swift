import EPPCore
import EPPMetrics
import EPPPrefixCache
import Logging
import ZeroMQ

/// Follows one publisher: does what `KVStreamStateMachine` says. Belongs to the event thread.
///
/// Its sockets are in `KVStream+Connection` and `KVStream+Replay`.
final class KVStream {
  let endpoint: Endpoint
  let address: KVStreamAddress
  /// Names the stream among all that there ever were.
  let id: UInt64
  let shop: KVStreamWorkshop
  var machine: KVStreamStateMachine

  // What `KVStream+Connection` keeps.
  var socket: Socket?
  var monitor: ConnectionMonitor?
  var isConnected = false
  var connectedAt: MonotonicTime?
  /// Connections that ended as soon as they were made.
  var shortConnections = 0
  /// Since when there has been no connection; nil while there is one.
  var disconnectedAt: MonotonicTime?
  /// When a connection that the library has given up is tried again, and how long to wait the next time.
  var reviveAt: MonotonicTime?
  var reviveAfter: Duration

  // What `KVStream+Replay` keeps.
  var replay: ReplayRequest?
  var wantsReplay: UInt64?
  var hasTurn = false
  /// When to ask whether there was more.
  var quietAt: MonotonicTime?

  // What `KVStream+Adoption` keeps.
  var hashCheck = EngineHashCheck()
  /// Whether blocks were announced whose parents were not known.
  var hasOrphans = false
  /// Whether prompts are looked at.
  var isAdopting = false
  /// When the next one may be.
  var nextAdoption = MonotonicTime(nanoseconds: 0)

  /// When the engine's process was started, in seconds since 1970.
  private var startTime: Double?
  private var held = HeldMessages()
  private var followed = false
  private let series: KVStreamSeries
  private var shown: (state: KVStreamState, lost: UInt64, restarts: UInt64)
  private var wasComplete = true
  private(set) var messages = 0
  private(set) var unreadableMessages = 0
  var lastMessageAt: MonotonicTime?
  private var warned: Set<Warning> = []
  /// The topic of the last message that was taken, by the directory's version.
  private var acceptedTopic: (bytes: [UInt8], version: Int) = ([], -1)

  /// What is said of a stream once only.
  enum Warning: Hashable {
    case unreadable
    case degraded
    case notZeroMQ
    case misdirected
    case unmatched
    case replay
  }

  init(id: UInt64, endpoint: Endpoint, address: KVStreamAddress, shop: KVStreamWorkshop) {
    self.id = id
    self.endpoint = endpoint
    self.address = address
    self.shop = shop
    machine = KVStreamStateMachine(hasReplay: address.replay != nil)
    reviveAfter = shop.configuration.reviveAfter
    series = shop.metrics.kvStreamSeries(endpoint: endpoint.name, rank: address.rank)
    shown = (.waiting, 0, 0)
    series.state.set(KVStreamState.waiting.number)
  }

  /// Ends it: its sockets go, and what is known by it.
  func stop() {
    disconnect()
    endReplay()
    shop.heldBytes -= held.bytes
    held.removeAll()
    setFollowed(false)
    shop.index.resetEvents(from: endpoint.slot, rank: address.rank)
    if isAdopting { shop.index.setAdopting(false, endpoint.slot) }
    isAdopting = false
    series.remove()
  }

  var status: KVStreamStatus {
    KVStreamStatus(
      endpoint: endpoint.name, rank: address.rank, events: address.events, replay: address.replay,
      isConnected: isConnected, state: machine.state, isFollowed: followed, nextMessage: machine.next,
      messages: messages, lostMessages: machine.lostMessages, unreadableMessages: unreadableMessages,
      heldMessages: held.count, restarts: machine.restarts, blockHashes: hashCheck.name,
      silentFor: lastMessageAt.map { Double(shop.now().duration(since: $0).components.seconds) })
  }

  // MARK: - Events

  /// A live message has come: the frames of `shop.message` are topic, number, payload.
  func receivedMessage() {
    guard shop.message.frameCount == 3, let number = shop.message.withFrame(1, KVFrames.number),
      number < KVFrames.endMarker
    else {
      return noteUnreadable("it has \(shop.message.frameCount) frames, or no number of 8 bytes in the second one")
    }
    guard isOwnTopic() else { return }
    lastMessageAt = shop.now()
    quietAt = lastMessageAt?.advanced(by: shop.configuration.quietAfterMessage)
    shop.message.withFrame(2) { payload in
      let id = KVMessageID(number: number, payload: payload)
      handle(.message(id, canWait: canHold(payload.byteCount)), payload)
    }
  }

  /// Whether the message at hand is none of another endpoint of the pool: the connection says whose it is, and a proxy
  /// between may mix up what several engines send. A topic that names nobody (an address behind a translation) is taken.
  private func isOwnTopic() -> Bool {
    let isKnown = shop.message.withFrame(0) { KVFrames.isTopic(acceptedTopic.bytes, $0) }
    if isKnown, acceptedTopic.version == shop.topics.version { return true }
    let topic = shop.message.withFrame(0, KVFrames.topic)
    if case .endpoint(let slot) = shop.topics.sender(topic), slot != endpoint.slot {
      shop.series.misdirected.increment()
      warn(
        .misdirected,
        "messages have the topic '\(String(decoding: topic, as: UTF8.self))', which names another endpoint: they are dropped"
      )
      return false
    }
    acceptedTopic = (topic, shop.topics.version)
    return true
  }

  /// Something has happened that has no message.
  func handle(_ event: KVStreamStateMachine.Event) { handle(event, RawSpan()) }

  func handle(_ event: KVStreamStateMachine.Event, _ payload: RawSpan) {
    for action in machine.handle(event) {
      switch action {
      case .reset: shop.index.resetEvents(from: endpoint.slot, rank: address.rank)
      case .apply: if let id = event.message { apply(payload, id) }
      case .hold:
        if case .message(let id, _) = event {
          held.append(payload, number: id.number)
          shop.heldBytes += payload.byteCount
        }
      case .drop:
        if case .message(_, canWait: false) = event {
          shop.series.postponed.increment()
        } else {
          shop.series.duplicate.increment()
        }
      case .applyHeld(let number):
        let before = held.bytes
        let payload = held.take(number)
        shop.heldBytes -= before - held.bytes
        if let payload { unsafe apply(payload.span.bytes, KVMessageID(number: number, payload: payload.span.bytes)) }
      case .dropHeld:
        shop.heldBytes -= held.bytes
        held.removeAll()
      case .replay(let number): beginReplay(from: number)
      }
    }
    show()
  }

  private func canHold(_ bytes: Int) -> Bool {
    held.bytes + bytes <= shop.configuration.maximumHeldBytes
      && shop.heldBytes + bytes <= shop.configuration.maximumHeldBytesOfAll
  }

  private func apply(_ payload: RawSpan, _ id: KVMessageID) {
    do throws(MessagePackError) {
      try shop.decoder.decode(payload, into: &shop.batch)
    } catch {
      noteUnreadable("\(error)")
      _ = machine.handle(.unreadable)
      return
    }
    if hashCheck.isOpen { hashCheck.see(shop.batch) }
    let counts = shop.index.apply(
      shop.batch, from: endpoint.slot, rank: address.rank, position: position(after: id))
    shop.series.count(counts)
    messages += 1
    reviveAfter = shop.configuration.reviveAfter
    setFollowed(true)
    noteOrphans(counts)
    if counts.cleared > 0 { _ = machine.handle(.cleared) }
  }

  /// Where the stream stands when a message has been applied, for snapshots.
  private func position(after id: KVMessageID) -> EventStreamPosition {
    EventStreamPosition(
      nextMessage: id.number + 1, lastMark: id.mark, engineStartTime: startTime, isComplete: machine.isComplete)
  }

  /// Goes on from what an earlier process knew, if the stream can be gone on with.
  private static func machine(_ snapshot: borrowing AnnouncedSnapshot, hasReplay: Bool) -> KVStreamStateMachine? {
    guard hasReplay, let position = snapshot.position, let mark = position.lastMark, position.nextMessage > 0 else {
      return nil
    }
    return KVStreamStateMachine(
      resumingAfter: KVMessageID(number: position.nextMessage - 1, mark: mark), isComplete: position.isComplete)
  }

  /// Takes up what an earlier process knew of the engine's cache. Before the stream is connected.
  func resume(_ snapshot: consuming AnnouncedSnapshot) {
    guard let resumed = Self.machine(snapshot, hasReplay: address.replay != nil) else { return }
    let startTime = snapshot.position?.engineStartTime
    do throws(IndexRestoreError) {
      try shop.index.restore(snapshot, to: endpoint.slot)
      machine = resumed
      self.startTime = startTime
      setFollowed(true)
    } catch {
      shop.logger.warning("the engine's part of the index snapshot is not used: \(error)", metadata: metadata)
    }
  }

  /// The start time of the engine's process has been learned.
  ///
  /// - Returns: whether it is later than the one that was known.
  func noteStart(at time: Double) -> Bool {
    // Only ever later: pages of several processes behind one port show now one time, now another.
    guard let known = startTime else {
      startTime = time
      return false
    }
    guard time > known else { return false }
    startTime = time
    return true
  }

  /// Whether picks rely on the stream from now on.
  func setFollowed(_ isFollowed: Bool) {
    guard followed != isFollowed else { return }
    followed = isFollowed
    shop.setFollowed(isFollowed, endpoint.slot, rank: address.rank)
    if isFollowed {
      shop.logger.info(
        "following the engine's KV events: prefixes that it holds are known exactly", metadata: metadata)
    } else if isConnected == false {
      shop.logger.warning(
        "the engine's KV events cannot be reached: its cache is guessed from what is sent there",
        metadata: metadata)
    }
  }

  // MARK: - What others see

  var metadata: Logger.Metadata {
    var metadata: Logger.Metadata = ["endpoint": .string(endpoint.name)]
    if let events = address.events { metadata["events"] = .string(events) }
    if address.rank > 0 { metadata["rank"] = .stringConvertible(address.rank) }
    return metadata
  }

  /// Says something once for the life of the stream; metrics go on counting.
  func warn(_ warning: Warning, _ text: @autoclosure () -> String) {
    guard warned.insert(warning).inserted else { return }
    shop.logger.warning("\(text())", metadata: metadata)
  }

  /// The engine's blocks are never asked for, and it finds prompts in its cache all the same.
  func warnUnmatched() {
    warn(
      .unmatched,
      "the engine finds prompts in its cache, and nothing that its KV events announce matches what is sent there. Likely "
        + "causes: requests are tokenized otherwise than the engine does it (another tokenizer or chat template), the "
        + "name of a LoRA adapter or a cache_salt differs, engines of the pool have blocks of different sizes (the last "
        + "one announced has \(shop.index.currentAnnouncements().blockTokens) tokens), or most of its cache is older than its "
        + "events here, and its hash seed is not known (PYTHONHASHSEED). "
        + "epp_prefix_unmatched_windows_total goes on counting")
  }

  private func noteUnreadable(_ reason: String) {
    unreadableMessages += 1
    shop.series.unreadable.increment()
    warn(
      .unreadable,
      "a message is none of vLLM's or SGLang's KV events: \(reason); is it the port of --kv-events-config? "
        + "Further ones are counted in epp_kv_events_messages_total{outcome=\"unreadable\"}")
  }

  /// Brings metrics and the log up to the machine's state.
  private func show() {
    let state = machine.state
    if state != shown.state {
      series.state.set(state.number)
      if state == .degraded {
        warn(
          .degraded,
          address.replay == nil
            ? "not all of the engine's KV events have come, and there is no replay socket to ask (--kv-replay-port, or "
              + "kvReplay in the endpoints file): blocks may be missed until its cache is emptied"
            : "not all of the engine's KV events could be had, by its replay either: blocks may be missed until its "
              + "cache is emptied")
      }
    }
    if machine.lostMessages > shown.lost { series.lost.increment(by: Int(clamping: machine.lostMessages - shown.lost)) }
    if machine.restarts > shown.restarts {
      series.restarts.increment(by: Int(clamping: machine.restarts - shown.restarts))
      hashCheck = EngineHashCheck()
      shop.logger.info("the engine was started anew: its cache is empty", metadata: metadata)
    }
    shown = (state, machine.lostMessages, machine.restarts)
    guard machine.isComplete != wasComplete else { return }
    wasComplete = machine.isComplete
    shop.index.notePosition(
      machine.lastMessage.map { position(after: $0) }, of: endpoint.slot, rank: address.rank)
  }
}

extension KVStreamStateMachine.Event {
  /// The message that it is about.
  fileprivate var message: KVMessageID? {
    switch self {
    case .message(let id, _), .replayed(let id): id
    default: nil
    }
  }
}

extension KVStreamState {
  /// Its number on the metrics page.
  fileprivate var number: Int {
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

extension KVEventSeries {
  /// Counts what the tokens of a prompt have told.
  func count(adopted counts: AnnouncedCounts) {
    stored.increment(by: counts.stored)
    adopted.increment(by: counts.adopted)
    refused.increment(by: counts.refused)
  }

  fileprivate func count(_ counts: AnnouncedCounts) {
    applied.increment()
    stored.increment(by: counts.stored)
    removed.increment(by: counts.removed)
    clears.increment(by: counts.cleared)
    orphaned.increment(by: counts.orphaned)
    unknown.increment(by: counts.unknown)
    notIndexed.increment(by: counts.notIndexed)
    refused.increment(by: counts.refused)
  }
}
