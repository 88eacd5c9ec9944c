import EPPCore
import EPPMetrics
import EPPPrefixCache
import ZeroMQ

/// Follows one publisher: passes its sockets' events to `KVStreamStateMachine` and `PublisherConnection`, and performs the
/// actions that they return. Belongs to the event thread.
final class KVStream {
  private static let messagesPerLook = 64

  let endpoint: Endpoint
  let address: KVStreamAddress
  /// Unique among all streams of the process.
  let id: UInt64
  private let context: EventThreadContext
  private let sockets: PublisherSockets
  private var machine: KVStreamStateMachine
  private var connection: PublisherConnection
  private var restarts: RestartTracker
  private var applier: EventApplier
  private var reports: KVStreamReports
  private var topic: TopicFilter

  /// Whether picks rely on the stream.
  private var isFollowed = false
  private var lastMessageAt: MonotonicTime?
  /// Whether the cache is to be learned anew after the current actions.
  private var isToBeLearnedAnew = false

  init(id: UInt64, endpoint: Endpoint, address: KVStreamAddress, _ context: EventThreadContext) {
    self.id = id
    self.endpoint = endpoint
    self.address = address
    self.context = context
    sockets = PublisherSockets(address, stream: id, context)
    machine = KVStreamStateMachine(hasReplay: address.replay != nil, context.configuration)
    connection = PublisherConnection(isConnected: address.events == nil, context.configuration, at: context.now())
    restarts = RestartTracker(context.configuration)
    reports = KVStreamReports(endpoint, address, context)
    topic = TopicFilter(endpoint.slot)
    applier = EventApplier(endpoint.slot, rank: address.rank, context)
  }

  /// Restores what an earlier process knew of the engine's cache, if the stream can be continued. To be called before `start`.
  func resume(_ snapshot: consuming AnnouncedSnapshot) {
    guard address.replay != nil, let position = snapshot.position, let mark = position.lastMark,
      position.nextMessage > 0
    else { return }
    do throws(IndexRestoreError) {
      try context.index.restore(snapshot, to: endpoint.slot)
      machine = KVStreamStateMachine(
        resumingAfter: KVMessageID(number: position.nextMessage - 1, mark: mark), isComplete: position.isComplete,
        context.configuration)
      restarts.resume(startTime: position.engineStartTime)
      setFollowed(true)
    } catch {
      reports.warning("the engine's part of the index snapshot is not used: \(error)")
    }
  }

  /// Subscribes; an engine that connects to this process counts as connected.
  func start() {
    if address.events != nil { subscribe() } else { perform(machine.connected(at: context.now())) }
  }

  /// Closes the sockets, and forgets what is known by the stream.
  func stop() {
    sockets.unsubscribe()
    for action in machine.stop() { perform(action, RawSpan(), nil, isDecoded: false, dropped: nil) }
    setFollowed(false)
    applier.stop()
    reports.stop()
  }

  // MARK: - What others see

  /// The state of the message sequence, whatever the messages contain.
  var sequenceState: KVStreamState { machine.state }

  /// How reliable the known contents of the engine's cache are.
  var state: KVStreamState { applier.blockUse.isMostlyUnusable && machine.state == .live ? .degraded : machine.state }

  var status: KVStreamStatus {
    KVStreamStatus(
      endpoint: endpoint.name, rank: address.rank, events: address.events, replay: address.replay,
      isConnected: connection.isConnected, state: state, reason: reason, isFollowed: isFollowed,
      nextMessage: machine.next, messages: applier.messages, lostMessages: machine.lostMessages,
      unreadableMessages: reports.unreadableMessages, heldMessages: applier.heldMessages, restarts: machine.restarts,
      blockHashes: applier.adoption?.blockHashes ?? "unknown",
      silentFor: lastMessageAt.map { Double(context.now().duration(since: $0).components.seconds) })
  }

  /// Why the stream is degraded, in a sentence; nil when it is not.
  private var reason: String? {
    guard state == .degraded else { return nil }
    return KVStreamReports.reason(
      isMostlyUnusable: applier.blockUse.isMostlyUnusable, hasReplay: address.replay != nil)
  }

  /// Whether prompts that are sent to the engine may identify unknown blocks.
  var wantsPrompts: Bool { applier.wantsPrompts }

  // MARK: - What others tell

  /// Learns the engine's cache anew, because what is known of it has proved wrong.
  func resynchronise(_ contradiction: CacheContradiction) { perform(machine.mistrusted(contradiction)) }

  /// Warns that the engine has cache hits while no prompt matches the blocks that it announced.
  func warnUnmatched() { reports.warnUnmatched() }

  /// Records the start time of the engine's process. A later one than before is a restart.
  func noteStart(at time: Double) {
    let (isLater, isRestart) = restarts.noteStart(at: time, restarts: machine.restarts)
    guard isLater else { return }
    if isRestart { perform(machine.restarted()) }
    restarts.settleStart(restarts: machine.restarts)
    // A snapshot says which process of the engine it is of.
    if machine.hasApplied { notePosition() }
  }

  /// Passes on a prompt that is sent to the engine.
  func adopt(_ tokens: [UInt32]) { applier.take(prompt: tokens, at: context.now()) }

  /// Updates whether prompts are wanted.
  func tickAdoption() { applier.adoption?.tick() }

  // MARK: - The subscription

  private func subscribe() {
    machine.disconnected()
    do throws(ZeroMQError) {
      try sockets.subscribe()
      connection.opened(at: context.now())
    } catch {
      reports.noteUnsubscribed(error)
      connection.openFailed(at: context.now())
    }
  }

  /// Receives up to `limit` messages.
  ///
  /// - Returns: whether there may be more.
  func receiveMessages(_ limit: Int) -> Bool {
    for _ in 0..<limit {
      guard sockets.receive() else { return false }
      // A new connection is told of before its first message comes. That one may have the very number that the last
      // connection's messages have left open, and be another process's.
      receiveConnectionEvents()
      receivedMessage()
    }
    return true
  }

  /// Processes the events of the connection.
  func receiveConnectionEvents() {
    while let event = sockets.nextConnectionEvent() {
      switch event {
      case .connected:
        connection.connected(at: context.now())
        perform(machine.connected(at: context.now()))
      case .disconnected: lost(.ended)
      case .retrying: lost(.retried)
      case .handshakeFailed: lost(.handshakeFailed)
      }
    }
  }

  private func lost(_ loss: PublisherConnection.Loss) {
    machine.disconnected()
    reports.noteLost(loss)
    let suspicion = connection.lost(loss, hasBroughtMessages: applier.messages > 0, at: context.now())
    if let suspicion { reports.note(suspicion) }
  }

  /// Processes a live message: the frames of `EventThreadContext.message` are topic, number, payload.
  ///
  /// - Parameter isDecoded: whether `EventThreadContext.batch` already holds the decoded payload.
  func receivedMessage(isDecoded: Bool = false) {
    reports.noteMessage()
    guard context.message.frameCount == 3, let number = context.message.withFrame(1, KVFrames.number),
      number < KVFrames.endMarker
    else {
      return reports.noteUnreadable(
        "it has \(context.message.frameCount) frames, or no number of 8 bytes in the second one")
    }
    if let topic = topic.foreignTopic(context) {
      context.series.misdirected.increment()
      return reports.warn(
        .misdirected,
        "messages have the topic '\(String(decoding: topic, as: UTF8.self))', which names another endpoint: they are dropped"
      )
    }
    let now = context.now()
    lastMessageAt = now
    context.message.withFrame(2) { payload in
      let id = KVMessageID(number: number, payload: payload)
      let canWait = applier.canHold(payload.byteCount)
      perform(
        machine.message(id, canWait: canWait, at: now), payload, id, isDecoded: isDecoded,
        dropped: canWait ? context.series.duplicate : context.series.postponed)
    }
  }

  // MARK: - The replay

  /// Starts the stream's turn to request a replay.
  func takeTurn() { perform(machine.turnGranted(at: context.now())) }

  private func askForReplay(from number: UInt64) {
    do throws(ZeroMQError) {
      try sockets.ask(from: number)
    } catch {
      reports.noteReplayNotAsked(error)
      perform(machine.replayEnded(.brokenOff, at: context.now()))
    }
  }

  /// Receives up to `limit` messages of the replay.
  ///
  /// - Returns: whether there may be more.
  func receiveReplay(_ limit: Int) -> Bool {
    for _ in 0..<limit {
      guard let isThere = sockets.receiveReplay() else { return false }
      guard isThere else {
        machine.replayEmpty(at: context.now())
        return false
      }
      receivedReplay()
    }
    return true
  }

  private func receivedReplay() {
    let count = context.message.frameCount
    let now = context.now()
    switch KVFrames.replayed(count: count, number: { context.message.withFrame($0, KVFrames.number) }) {
    case .end:
      reports.noteCompleteReplay()
      // An engine that has published nothing yet has an empty cache: that is known, too.
      rely()
      perform(machine.replayEnded(.complete, at: now))
    case .unreadable:
      context.series.unreadable.increment()
      reports.warn(
        .replayUnreadable,
        "the engine's replay socket answers with \(count) frames: that is none of vLLM's or SGLang's answers")
      machine.replayUnreadable(at: now)
      perform([])
    case .message(let number, let frame):
      lastMessageAt = now
      reports.noteReplayedMessage()
      context.message.withFrame(frame) { payload in
        let id = KVMessageID(number: number, payload: payload)
        perform(machine.replayed(id, bytes: payload.byteCount, at: now), payload, id)
      }
    }
  }

  // MARK: - Time

  /// Does what is due. To be called a few times a second.
  func tick(_ now: MonotonicTime) {
    for action in connection.tick(at: now, hasOtherAddressKind: address.hasName && sockets.isSubscribed) {
      perform(action)
    }
    if restarts.endPause(now) { perform(machine.endSuspension()) }
    // What is there of a replay that seems to be silent is taken first, for this thread may have been away.
    if machine.mayBeSilent(at: now), receiveReplay(Self.messagesPerLook) {
      context.ready.insert(SocketTag(id, .replay).number)
    }
    let isTurnOver = machine.askedAt.map { context.turns.isOver($0, now) } ?? false
    perform(machine.tick(at: now, isTurnOver: isTurnOver))
  }

  private func perform(_ action: PublisherConnection.Action) {
    switch action {
    case .reopen:
      if sockets.isSubscribed { reports.warnBroken() }
      reports.noteRetry()
      subscribe()
    case .giveUpFollowing:
      guard isFollowed else { return }
      setFollowed(false)
      reports.warn(
        .unreachable, "the engine's KV events cannot be reached: its cache is guessed from what is sent there")
    case .tryOtherAddressKind:
      sockets.changeAddressKind()
      subscribe()
    }
  }

  // MARK: - What the machine says

  /// Performs the actions that an event requires.
  ///
  /// - Parameters:
  ///   - payload: the payload of the event's message.
  ///   - dropped: counts the message if it is dropped.
  private func perform(
    _ actions: [KVStreamAction], _ payload: RawSpan = RawSpan(), _ id: KVMessageID? = nil, isDecoded: Bool = false,
    dropped: Counter? = nil
  ) {
    for action in actions { perform(action, payload, id, isDecoded: isDecoded, dropped: dropped) }
    if isToBeLearnedAnew {
      isToBeLearnedAnew = false
      return perform(machine.mistrusted(.holdsMore))
    }
    let further = machine.isFetching ? machine.proceed(at: context.now()) : []
    if further.isEmpty { show() } else { perform(further) }
  }

  private func perform(
    _ action: KVStreamAction, _ payload: RawSpan, _ id: KVMessageID?, isDecoded: Bool, dropped: Counter?
  ) {
    switch action {
    case .reset: applier.reset()
    case .apply: if let id { apply(payload, id, isDecoded: isDecoded) }
    case .hold: if let id { applier.hold(payload, number: id.number) }
    case .drop: (dropped ?? context.series.duplicate).increment()
    case .applyHeld(let number):
      guard let payload = applier.takeHeld(number) else { return }
      unsafe apply(payload.span.bytes, KVMessageID(number: number, payload: payload.span.bytes), isDecoded: false)
    case .dropHeld: applier.dropHeld()
    // `proceed` says when to ask.
    case .replay: break
    case .queueReplay(let isUrgent): context.turns.enqueue(self.id, isUrgent: isUrgent)
    case .leaveReplayQueue: context.turns.remove(self.id)
    case .askReplay(let number): askForReplay(from: number)
    case .closeReplay:
      sockets.closeReplay()
      context.turns.end()
    case .reportReplay(let failure):
      reports.note(failure)
      if case .unanswered = failure, address.events == nil { sockets.changeAddressKind() }
    }
  }

  private func apply(_ payload: RawSpan, _ id: KVMessageID, isDecoded: Bool) {
    do throws(MessagePackError) {
      let counts = try applier.apply(payload, isDecoded: isDecoded, position(after: id))
      connection.noteMessage()
      switch applier.noteUse(counts, hasReplay: address.replay != nil) {
      case .none: break
      case .learnAnew: isToBeLearnedAnew = true
      case .isIncomplete: machine.unreadable()
      }
      rely()
      if counts.cleared > 0 { machine.cleared(by: id.number) }
    } catch {
      reports.noteUnreadable("\(error)")
      machine.unreadable()
    }
  }

  /// The stream's position after a message, for snapshots.
  private func position(after id: KVMessageID) -> EventStreamPosition {
    EventStreamPosition(
      nextMessage: id.number + 1, lastMark: id.mark, engineStartTime: restarts.startTime,
      isComplete: machine.isComplete)
  }

  private func notePosition() { applier.note(machine.lastMessage.map { position(after: $0) }) }

  /// Makes picks rely on the stream, after a sign of life. Not while only the replay still arrives, because further changes
  /// would be missed; nor while most blocks cannot be indexed, because routed prompts then predict the cache better.
  private func rely() { if !connection.isUnreachable { setFollowed(!applier.blockUse.isMostlyUnusable) } }

  /// Sets whether picks rely on the stream.
  private func setFollowed(_ isFollowed: Bool) {
    guard self.isFollowed != isFollowed else { return }
    self.isFollowed = isFollowed
    context.setFollowed(isFollowed, endpoint.slot, rank: address.rank)
    if isFollowed { reports.info("following the engine's KV events: prefixes that it holds are known exactly") }
  }

  /// Updates metrics and log to the machine's state.
  private func show() {
    let isUnusable = applier.blockUse.isMostlyUnusable
    let change = reports.show(
      state, machine, degraded: restarts.isPaused ? nil : reason.map { (isUnusable ? .unusable : .degraded, $0) })
    if change.hasRestarted { noteRestart() }
    if change.isCompletenessChanged { notePosition() }
  }

  /// Processes a restart that the messages have shown.
  private func noteRestart() {
    applier.adoption?.engineRestarted()
    switch restarts.noteRestart(at: context.now()) {
    case .ordinary: reports.info("the engine was started anew: its cache is empty")
    case .repeated: break
    case .excessive:
      reports.warn(
        .severalPublishers,
        "messages are numbered anew again and again: do several publishers send at one address? For a while each time they "
          + "are dropped, and the engine's cache is guessed from what is sent there")
      setFollowed(false)
      perform(machine.suspend())
    }
  }
}
