import EPPCore
import EPPMetrics
import EPPPrefixCache
import Logging
import ZeroMQ

/// Follows one publisher: does what `KVStreamStateMachine` says. Belongs to the event thread.
///
/// Its sockets are in `KVStream+Connection` and `KVStream+Replay`, what others see of it is in `KVStream+Reports`.
final class KVStream {
  let endpoint: Endpoint
  let address: KVStreamAddress
  /// Names the stream among all that there ever were.
  let id: UInt64
  let context: EventThreadContext
  var machine: KVStreamStateMachine

  // What `KVStream+Connection` keeps.
  var socket: Socket?
  var monitor: ConnectionMonitor?
  var isConnected = false
  var connectedAt: MonotonicTime?
  /// Connections that ended as soon as they were made, and such that ended before, in a row.
  var shortConnections = 0
  var failedHandshakes = 0
  /// Since when there has been no connection; nil while there is one.
  var disconnectedAt: MonotonicTime?
  /// Whether that is too long by now for the stream to be relied on.
  var isUnreachable = false
  /// When a connection that the library has given up is tried again, and how long to wait the next time.
  var reviveAt: MonotonicTime?
  var reviveAfter: Duration
  /// Whether a host name is looked up for an address of IPv6: when none of IPv4 has led anywhere.
  var triesIPv6 = false

  // What `KVStream+Replay` keeps.
  var replay: ReplayRequest?
  var wantsReplay: UInt64?
  /// Whether the stream waits for its turn, and whether it has it.
  var isQueued = false
  var hasTurn = false
  /// How often that one has been asked for.
  var replayAttempts = 0
  var replayPause: ReplayPause
  var catchUp = CatchUp()
  /// When to ask whether there was more.
  var look = ReplayCheckSchedule()

  // What `KVStream+Adoption` keeps.
  var hashCheck = EngineHashCheck()
  /// Whether blocks were announced whose parents were not known.
  var hasOrphans = false
  /// Whether prompts are looked at.
  var isAdopting = false
  /// When the next one may be.
  var nextAdoption = MonotonicTime(nanoseconds: 0)

  /// How many of the engine's blocks can be indexed.
  private(set) var blockUse = BlockUse()
  /// Whether the cache is to be learned anew since another group of its blocks is indexed, and whether it was before: once, for a
  /// replay that leads to the same would follow the other without an end.
  private var wantsToLearnAnew = false
  private var hasLearnedAnew = false

  // What `KVStream+Restarts` keeps.
  /// When the engine's process was started, in seconds since 1970, and the restarts that were noticed when that was learned.
  var startTime: Double?
  var restartsAtStart: UInt64 = 0
  var restartLimit: RestartLimit

  // What `KVStream+Reports` keeps.
  let series: KVStreamSeries
  var shown: (state: KVStreamState, lost: UInt64, restarts: UInt64)
  var wasComplete = true
  var warned: Set<Warning> = []
  var unreadableMessages = 0

  private var held = HeldMessages()
  private(set) var followed = false
  private(set) var messages = 0
  var lastMessageAt: MonotonicTime?
  /// The topic of the last message that was taken, by the directory's version.
  private var acceptedTopic: (bytes: [UInt8], version: Int) = ([], -1)

  init(id: UInt64, endpoint: Endpoint, address: KVStreamAddress, context: EventThreadContext) {
    self.id = id
    self.endpoint = endpoint
    self.address = address
    self.context = context
    machine = KVStreamStateMachine(hasReplay: address.replay != nil)
    reviveAfter = context.configuration.reviveAfter
    replayPause = ReplayPause(
      first: context.configuration.replayPause, longest: context.configuration.longestReplayPause)
    restartLimit = RestartLimit(
      window: context.configuration.restartWindow, pause: context.configuration.restartPause)
    series = context.takeSeries(endpoint: endpoint.name, rank: address.rank)
    shown = (.waiting, 0, 0)
    series.state.set(KVStreamState.waiting.number)
  }

  /// Ends it: its sockets go, and what is known by it.
  func stop() {
    disconnect()
    endReplay()
    context.heldBytes -= held.bytes
    held.removeAll()
    setFollowed(false)
    context.index.resetEvents(from: endpoint.slot, rank: address.rank)
    if isAdopting { context.index.setAdopting(false, endpoint.slot) }
    isAdopting = false
    context.giveBack(series, endpoint: endpoint.name, rank: address.rank)
  }

  // MARK: - Events

  /// A live message has come: the frames of `context.message` are topic, number, payload.
  ///
  /// - Parameter isDecoded: whether `context.batch` holds what the payload says.
  func receivedMessage(isDecoded: Bool = false) {
    guard context.message.frameCount == 3, let number = context.message.withFrame(1, KVFrames.number),
      number < KVFrames.endMarker
    else {
      return noteUnreadable("it has \(context.message.frameCount) frames, or no number of 8 bytes in the second one")
    }
    guard isOwnTopic() else { return }
    let now = context.now()
    lastMessageAt = now
    look.set(now.advanced(by: context.configuration.quietAfterMessage))
    context.message.withFrame(2) { payload in
      let id = KVMessageID(number: number, payload: payload)
      handle(.message(id, canWait: canHold(payload.byteCount)), payload, isDecoded: isDecoded)
    }
  }

  /// Whether the message at hand is none of another endpoint of the pool: the connection says whose it is, and a proxy
  /// between may mix up what several engines send. A topic that names nobody (an address behind a translation) is taken.
  private func isOwnTopic() -> Bool {
    let isKnown = context.message.withFrame(0) { KVFrames.isTopic(acceptedTopic.bytes, $0) }
    if isKnown, acceptedTopic.version == context.topics.version { return true }
    let topic = context.message.withFrame(0, KVFrames.topic)
    if case .endpoint(let slot) = context.topics.sender(topic), slot != endpoint.slot {
      context.series.misdirected.increment()
      warn(
        .misdirected,
        "messages have the topic '\(String(decoding: topic, as: UTF8.self))', which names another endpoint: they are dropped"
      )
      return false
    }
    acceptedTopic = (topic, context.topics.version)
    return true
  }

  /// Something has happened that has no message.
  func handle(_ event: KVStreamStateMachine.Event) { handle(event, RawSpan()) }

  func handle(_ event: KVStreamStateMachine.Event, _ payload: RawSpan, isDecoded: Bool = false) {
    for action in machine.handle(event) {
      switch action {
      case .reset:
        context.index.resetEvents(from: endpoint.slot, rank: address.rank)
        // What comes next is another engine's, or learned anew: what failed before says nothing about it.
        replayPause.reset()
        catchUp = CatchUp()
      case .apply: if let id = event.message { apply(payload, id, isDecoded: isDecoded) }
      case .hold:
        if case .message(let id, _) = event {
          held.append(payload, number: id.number)
          context.heldBytes += payload.byteCount
        }
      case .drop:
        if case .message(_, canWait: false) = event {
          context.series.postponed.increment()
        } else {
          context.series.duplicate.increment()
        }
      case .applyHeld(let number):
        let before = held.bytes
        let payload = held.take(number)
        context.heldBytes -= before - held.bytes
        if let payload { unsafe apply(payload.span.bytes, KVMessageID(number: number, payload: payload.span.bytes)) }
      case .dropHeld:
        context.heldBytes -= held.bytes
        held.removeAll()
      case .replay(let number): beginReplay(from: number)
      }
    }
    if wantsToLearnAnew {
      wantsToLearnAnew = false
      return handle(.mistrusted(.holdsMore))
    }
    if !machine.isFetching {
      if wantsReplay != nil { endReplay() }
      catchUp = CatchUp()
    }
    show()
  }

  private func canHold(_ bytes: Int) -> Bool {
    held.bytes + bytes <= context.configuration.maximumHeldBytes
      && context.heldBytes + bytes <= context.configuration.maximumHeldBytesOfAll
  }

  private func apply(_ payload: RawSpan, _ id: KVMessageID, isDecoded: Bool = false) {
    do throws(MessagePackError) {
      if !isDecoded { try context.decoder.decode(payload, into: &context.batch) }
    } catch {
      noteUnreadable("\(error)")
      _ = machine.handle(.unreadable)
      return
    }
    if hashCheck.isOpen { hashCheck.see(context.batch) }
    let counts = context.index.apply(
      context.batch, from: endpoint.slot, rank: address.rank, position: position(after: id))
    context.series.count(counts)
    messages += 1
    reviveAfter = context.configuration.reviveAfter
    noteUse(counts)
    rely()
    noteOrphans(counts)
    if counts.cleared > 0 { _ = machine.handle(.cleared(by: id.number)) }
  }

  private func noteUse(_ counts: AnnouncedCounts) {
    blockUse.note(counts)
    guard counts.incompleteGroupChanges > 0 else { return }
    if address.replay != nil, !hasLearnedAnew {
      (wantsToLearnAnew, hasLearnedAnew) = (true, true)
    } else {
      _ = machine.handle(.unreadable)
    }
  }

  /// Messages that wait for a replay.
  var heldMessages: Int { held.count }

  /// Tells snapshots where the stream stands when that has changed without a message.
  func notePosition() {
    context.index.notePosition(machine.lastMessage.map { position(after: $0) }, of: endpoint.slot, rank: address.rank)
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
      try context.index.restore(snapshot, to: endpoint.slot)
      machine = resumed
      self.startTime = startTime
      setFollowed(true)
    } catch {
      context.logger.warning("the engine's part of the index snapshot is not used: \(error)", metadata: metadata)
    }
  }

  /// The engine has said something. Picks rely on it, unless it is only its replay that still comes: what the engine does
  /// from now on would not be known. Nor where most of its blocks cannot be indexed: what was sent there says more.
  func rely() { if !isUnreachable { setFollowed(!blockUse.isMostlyUnusable) } }

  /// How far what is known of the engine's cache can be trusted.
  var state: KVStreamState { blockUse.isMostlyUnusable && machine.state == .live ? .degraded : machine.state }

  /// Whether picks rely on the stream from now on.
  func setFollowed(_ isFollowed: Bool) {
    guard followed != isFollowed else { return }
    followed = isFollowed
    context.setFollowed(isFollowed, endpoint.slot, rank: address.rank)
    if isFollowed {
      context.logger.info(
        "following the engine's KV events: prefixes that it holds are known exactly", metadata: metadata)
    }
  }
}
