package import EPPCore
package import EPPPrefixCache

/// Follows the numbered messages of one publisher (an engine, or one data-parallel rank of it): one method per event, which
/// returns what to do. No I/O, no clock: times are passed in.
///
/// A publisher counts its messages from 0 and says nothing when it starts anew; whoever subscribes late, loses the
/// connection or is too slow misses some. Its replay socket gives the last 10,000 again, from a number on. Rules:
///
/// - On one connection numbers only grow: one that does not is a restart, and a restarted engine has an empty cache.
/// - The first numbers of a new connection may be the last ones of the old: they waited while a replay has overtaken them.
///   Where there is a replay socket it tells them from a restart.
/// - After every connect what is missing is replayed: messages were published meanwhile.
/// - A replay begins with the last message that is known, its witness. When that one is another message by now, or is not there
///   and none after it, the engine was started anew, however far its numbers have come.
/// - While a replay fetches, new messages are held; those that it brought too are dropped by their number. A replay that only
///   checks whether there was more holds nothing: it may go unanswered.
/// - What a replay has left out on its way is asked for again, as long as each replay brings something. (The publisher's
///   socket drops what does not fit between it and the network.)
/// - What a replay does not have is lost: the stream goes on and is `degraded` until the cache is known to be empty.
/// - A replay that is not answered leaves the engine unconfirmed: the stream is `degraded` until a later one, or the first message
///   of all, shows that it is the same engine as before.
/// - A replay socket that fails is left alone for a while (`ReplayPause`), and asked at most so often, for so long and for so much
///   until nothing is missing (`Replay.Cost`).
///
/// After the actions of an event, and at least each time that `tick` is called, the owner performs what `proceed` returns.
package struct KVStreamStateMachine: Sendable {
  /// Messages that are held for a replay; further ones are dropped, and fetched by the next replay. An engine publishes 20
  /// to 100 a second, and a replay of 10,000 takes seconds.
  package static let maximumHeld = 4096

  /// Messages that are lost for good.
  package private(set) var lostMessages: UInt64 = 0
  /// Starts of the engine that were noticed while it was followed.
  package private(set) var restarts: UInt64 = 0

  private let hasReplay: Bool
  private let configuration: KVEventsConfiguration
  private var mode: KVStreamMode
  private var timing: ReplayTiming
  private var numbers = ConnectionNumbers()

  private init(_ mode: KVStreamMode, hasReplay: Bool, _ configuration: KVEventsConfiguration) {
    (self.mode, self.hasReplay, self.configuration) = (mode, hasReplay, configuration)
    timing = ReplayTiming(configuration)
  }

  /// - Parameters:
  ///   - hasReplay: whether the engine's replay socket is known.
  ///   - configuration: the times and bounds of replays and checks.
  package init(hasReplay: Bool, _ configuration: KVEventsConfiguration = KVEventsConfiguration()) {
    self.init(.following(AppliedHistory()), hasReplay: hasReplay, configuration)
  }

  /// Goes on from what an earlier process has applied, by way of the engine's replay socket. Until the replay has shown that last
  /// message nothing is sure: when it is another one, or is not kept any longer, all is learned anew.
  ///
  /// - Parameters:
  ///   - last: the message that was applied last.
  ///   - isComplete: whether none before it was lost.
  package init(
    resumingAfter last: KVMessageID, isComplete: Bool, _ configuration: KVEventsConfiguration = KVEventsConfiguration()
  ) {
    self.init(.resuming(AppliedHistory(resumingAfter: last, isComplete: isComplete)), hasReplay: true, configuration)
  }

  // MARK: - What is known

  package var state: KVStreamState { mode.state }

  private var history: AppliedHistory {
    get { mode.history }
    set { mode.history = newValue }
  }

  private var replay: Replay? {
    get { mode.replay }
    set { mode.replay = newValue }
  }

  /// The number of the next message to apply: all before it are applied or lost.
  package var next: UInt64 { history.next }

  /// Whether no message that matters is lost, as far as is known for sure.
  package var isComplete: Bool { !isSuspended && !history.isIncomplete && !history.isUnconfirmed }

  /// Whether a replay has to show whether the engine is still the same one.
  package var isUnconfirmed: Bool { history.isUnconfirmed }

  /// Whether a replay is wanted or runs.
  package var isFetching: Bool { replay != nil }

  /// Whether the replay that is wanted only looks whether something is missing.
  package var isChecking: Bool { if case .checking = mode { true } else { false } }

  package var isSuspended: Bool { if case .suspended = mode { true } else { false } }

  /// The message that was applied last since the engine's start.
  package var lastMessage: KVMessageID? { history.lastMessage }

  /// Whether a message has been applied since the engine's start.
  package var hasApplied: Bool { lastMessage != nil }

  /// When the publisher was asked for the replay that runs; nil when it has not been asked yet, or none runs.
  package var askedAt: MonotonicTime? { replay?.question?.startedAt }

  /// Whether the replay seems to be silent, so that it is worth a look into its socket: the owner may have been away.
  package func mayBeSilent(at now: MonotonicTime) -> Bool {
    replay?.question?.silence.mayBe(longerThan: configuration.replayIdleTimeout, now) ?? false
  }

  // MARK: - The subscription

  /// The subscription is up, for the first time or again.
  package mutating func connected(at now: MonotonicTime) -> [KVStreamAction] {
    timing.connected(now)
    guard !isSuspended else { return [] }
    numbers = ConnectionNumbers(nextAtConnect: next)
    let dropped: [KVStreamAction] = mode.isHolding ? [.dropHeld] : []
    let (ended, cost) = mode.endReplay(at: now)
    return ended + dropped + (hasReplay ? mode.wantReplay(cost: cost) : [])
  }

  /// The subscription is down. Messages that have come before may still follow.
  package mutating func disconnected() { timing.disconnected() }

  /// A live message came.
  ///
  /// - Parameter canWait: whether there is room to hold it.
  package mutating func message(_ message: KVMessageID, canWait: Bool, at now: MonotonicTime) -> [KVStreamAction] {
    timing.noteMessage(now)
    guard !isSuspended, message.number < .max else { return [.drop] }
    if let last = numbers.last, message.number <= last { return restart(at: message, canWait) }
    if message.number < numbers.nextAtConnect {
      guard let actions = verify(at: now) else { return restart(at: message, canWait) }
      numbers.last = message.number
      return actions
    }
    numbers.last = message.number
    if case .fetching = mode { return [hold(message, canWait)] }
    if message.number < next { return [.drop] }
    if message.number > next {
      // A check that runs was asked for before this message was published: another replay brings what is missing.
      if hasReplay {
        let (ended, cost) = mode.endReplay(at: now)
        return [canWait ? .hold : .drop] + ended + mode.wantReplay(cost: cost, held: canWait ? [message] : [])
      }
      lose(upTo: message.number)
    }
    history.apply(message)
    return [.apply]
  }

  /// A number lower than those from before the connection has come. A replay from the last message on tells whether the
  /// engine is another one by now, and has the message if it is.
  ///
  /// - Returns: nil when no replay answers: then it is taken for a restart.
  private mutating func verify(at now: MonotonicTime) -> [KVStreamAction]? {
    if replay?.witness != nil { return [.drop] }
    guard hasReplay, !history.isUnconfirmed, history.lastMessage != nil else { return nil }
    return [.drop] + mode.wantAnotherReplay(at: now, isVerifying: true)
  }

  // MARK: - Replays

  /// A message of the replay that runs came.
  ///
  /// - Parameter bytes: of its payload.
  package mutating func replayed(_ message: KVMessageID, bytes: Int = 0, at now: MonotonicTime) -> [KVStreamAction] {
    replay?.noteAnswer(bytes: bytes, at: now)
    guard let replay, message.number < .max else { return [.drop] }
    if let witness = replay.witness, message.number >= witness.number {
      self.replay?.witness = nil
      // Messages of the earlier process's history may have been lost with those that are not kept any more.
      if message.number > witness.number, history.isResumed { return [.drop] + learnAnew() }
      if message.number == witness.number, message.mark != witness.mark { return [.drop] + startOver() }
      // The last message is not kept any more: whether this one is of the same process cannot be told.
      if message.number > witness.number { history.noteIncomplete() }
      history.confirmEngine()
      if case .fetching(_, let fetch) = mode, fetch.isVerifying { numbers.nextAtConnect = 0 }
    }
    guard message.number >= next else { return [.drop] }
    if message.number > next {
      if next > replay.base { return [.drop] + mode.wantAnotherReplay(at: now) }
      lose(upTo: message.number, isBeginning: history.lastMessage == nil)
    }
    self.replay?.hasBrought = true
    history.apply(message)
    return [.apply]
  }

  /// Something came from the replay socket that is no message.
  package mutating func replayUnreadable(at now: MonotonicTime) { replay?.noteAnswer(bytes: 0, at: now) }

  /// The replay socket was looked at, and nothing was there.
  package mutating func replayEmpty(at now: MonotonicTime) { replay?.noteEmpty(at: now) }

  /// It is the stream's turn to ask.
  package mutating func turnGranted(at now: MonotonicTime) -> [KVStreamAction] {
    guard let questions = replay?.cost.questions, case .queued = replay?.stage else { return [.closeReplay] }
    replay?.ask(at: now)
    if questions >= configuration.maximumReplayAsks { return giveUp(.tooManyQuestions(questions), at: now) }
    return [.askReplay(from: replay?.start ?? next)]
  }

  /// No more comes of the replay that runs.
  package mutating func replayEnded(_ end: ReplayEnd, at now: MonotonicTime) -> [KVStreamAction] {
    guard let replay else { return [] }
    timing.noteEnd(end, hasBrought: replay.hasBrought, now)
    let lostBefore = lostMessages
    let actions = finishReplay(end, at: now)
    if end == .complete, lostMessages > lostBefore { timing.noteUseless(now) }
    if end == .brokenOff, !isFetching { timing.noteUnanswered() }
    return actions
  }

  private mutating func finishReplay(_ end: ReplayEnd, at now: MonotonicTime) -> [KVStreamAction] {
    guard let replay else { return [] }
    // Neither the last message that was seen nor any later one: they are another engine's numbers.
    if end == .complete, !replay.hasBrought, replay.witness != nil, !mode.isHolding { return startOver() }
    if end == .brokenOff, replay.hasBrought { return mode.wantAnotherReplay(at: now) }
    let wasChecking = isChecking
    let held = mode.takeHeld()
    let (ended, cost) = mode.endReplay(at: now)
    switch end {
    case .complete: history.confirmBeginning()
    case .brokenOff: if !wasChecking { history.noteUnanswered(replay.witness) }
    case .excessive: history.noteIncomplete()
    }
    return ended + takeUp(held, mayReplay: replay.hasBrought && end == .complete, cost: cost)
  }

  /// The time has come for what depends on time alone. To be called a few times a second.
  ///
  /// - Parameter isTurnOver: whether the turn to ask has to end, because other streams wait for theirs.
  package mutating func tick(at now: MonotonicTime, isTurnOver: Bool) -> [KVStreamAction] {
    var actions: [KVStreamAction] = []
    if let replay, let question = replay.question {
      if replay.costAtEnd(now).spent >= configuration.replayTimeout, replay.cost.messages > 0 {
        actions = giveUp(.tooLong(configuration.replayTimeout), at: now)
      } else if question.silence.isLonger(than: configuration.replayIdleTimeout) {
        actions = unanswered(at: now)
      } else if isTurnOver {
        // It is asked for again from there, as long as it brings something.
        actions = replay.hasBrought ? replayEnded(.brokenOff, at: now) : unanswered(at: now)
      }
    }
    guard !isFetching, timing.takeCheck(now, isUnconfirmed: isUnconfirmed) else { return actions }
    return actions + quiet()
  }

  /// Moves the replay on as far as it may at a time.
  package mutating func proceed(at now: MonotonicTime) -> [KVStreamAction] {
    guard let replay else { return [] }
    switch replay.stage {
    case .wanted(let questions):
      // A replay socket that does not answer keeps no message waiting for long: what is missing is lost then.
      guard timing.mayAskSoon(now) else { return finishReplay(.brokenOff, at: now) }
      guard timing.mayAsk(now) else { return [] }
      self.replay?.stage = .queued(questions: questions)
      return [.queueReplay(isUrgent: !isChecking)]
    case .asked:
      guard replay.isExcessive(configuration) else { return [] }
      return giveUp(.tooMuch(messages: replay.cost.messages, bytes: replay.cost.bytes), at: now)
    case .queued: return []
    }
  }

  /// Nothing has come for a while: the last messages may have been lost on their way.
  package mutating func quiet() -> [KVStreamAction] {
    guard hasReplay, !isFetching, !isSuspended else { return [] }
    let replay = Replay(after: history, cost: Replay.Cost())
    mode = .checking(history, replay)
    return [.replay(from: replay.start)]
  }

  /// Nothing has come of the replay for a while.
  private mutating func unanswered(at now: MonotonicTime) -> [KVStreamAction] {
    guard let replay, let question = replay.question else { return [] }
    // An engine that has something to bring may be slow; a mere check is worth one question.
    if question.messages == 0, question.count < (isChecking ? 1 : configuration.replayAttempts) {
      self.replay?.askAgain(at: now)
      return [.closeReplay]
    }
    // The end of a long replay may not have had room in the engine's socket: it is asked for.
    return [.reportReplay(.unanswered(hasBrought: replay.hasBrought))] + replayEnded(.brokenOff, at: now)
  }

  private mutating func giveUp(_ failure: ReplayFailure, at now: MonotonicTime) -> [KVStreamAction] {
    [.reportReplay(failure)] + replayEnded(.excessive, at: now)
  }

  // MARK: - Other evidence

  /// The engine's process is a new one, by other evidence (its start time on the metrics page).
  package mutating func restarted() -> [KVStreamAction] {
    // Before the first message there is nothing to forget.
    guard hasApplied || isFetching else { return [] }
    return startOver()
  }

  /// What is known of the cache has proved wrong.
  package mutating func mistrusted(_ contradiction: CacheContradiction) -> [KVStreamAction] {
    // That the engine holds more than is known of a stream with gaps is no news, and nothing is gained by knowing less:
    // without a replay, or with one that does not reach back to the beginning.
    let isKnown = contradiction == .holdsMore && history.isIncomplete && (!hasReplay || history.hasLostBeginning)
    return hasApplied && !isKnown ? learnAnew() : []
  }

  /// The message with this number was applied, and says that the cache is empty.
  package mutating func cleared(by number: UInt64) { history.clear(by: number) }

  /// A message that was to be applied could not be read, or not all that it says could be entered.
  package mutating func unreadable() { history.noteIncomplete() }

  /// It has started anew so often that it cannot be one engine: nothing of it counts until `endSuspension`.
  package mutating func suspend() -> [KVStreamAction] {
    guard !isSuspended else { return [] }
    let closing = forget()
    mode = .suspended
    return closing + [.reset, .dropHeld]
  }

  /// It is tried again.
  package mutating func endSuspension() -> [KVStreamAction] {
    guard isSuspended else { return [] }
    mode = .following(.forgotten(isIncomplete: false))
    numbers.last = nil
    return hasReplay ? mode.wantReplay() : []
  }

  /// The stream is followed no more.
  package mutating func stop() -> [KVStreamAction] { forget() }

  // MARK: - Steps

  /// The engine has begun anew: the message at hand is one of its first.
  private mutating func restart(at message: KVMessageID, _ canWait: Bool) -> [KVStreamAction] {
    restarts += 1
    let closing = forget() + [.reset, .dropHeld]
    numbers.last = message.number
    if message.number > 0, hasReplay {
      return closing + [canWait ? .hold : .drop] + mode.wantReplay(held: canWait ? [message] : [])
    }
    lose(upTo: message.number)
    history.apply(message)
    return closing + [.apply]
  }

  /// The engine has begun anew, and nothing of it is at hand.
  private mutating func startOver() -> [KVStreamAction] {
    restarts += 1
    let closing = forget() + [.reset, .dropHeld]
    // The new engine's numbers are lower: no other restart.
    numbers.last = nil
    return hasReplay ? closing + mode.wantReplay() : closing
  }

  /// The engine is the same, and what is known of it is dropped.
  private mutating func learnAnew() -> [KVStreamAction] {
    // Without a replay the cache is full of blocks that are not known any more.
    let closing = forget(leaving: .forgotten(isIncomplete: !hasReplay)) + [.reset, .dropHeld]
    return hasReplay ? closing + mode.wantReplay() : closing
  }

  /// Goes back to the beginning.
  private mutating func forget(leaving history: AppliedHistory = AppliedHistory()) -> [KVStreamAction] {
    let closing = mode.closing
    mode = .following(history)
    numbers.nextAtConnect = 0
    timing.reset()
    return closing
  }

  private mutating func hold(_ message: KVMessageID, _ canWait: Bool) -> KVStreamAction {
    guard canWait, mode.heldCount < Self.maximumHeld else { return .drop }
    mode.hold(message)
    return .hold
  }

  /// Applies what was held; a gap among it is replayed if replays bring anything, and lost if not.
  private mutating func takeUp(_ held: [KVMessageID], mayReplay: Bool, cost: Replay.Cost) -> [KVStreamAction] {
    var actions: [KVStreamAction] = []
    for (position, message) in held.enumerated() where message.number >= next {
      if message.number > next, mayReplay {
        return actions + mode.wantReplay(cost: cost, held: Array(held[position...]))
      }
      lose(upTo: message.number)
      history.apply(message)
      actions.append(.applyHeld(message.number))
    }
    return held.isEmpty ? actions : actions + [.dropHeld]
  }

  private mutating func lose(upTo number: UInt64, isBeginning: Bool = false) {
    // Numbers are the publisher's: twice nearly all there are is more than can be counted.
    let (sum, isTooMuch) = lostMessages.addingReportingOverflow(history.lose(upTo: number, isBeginning: isBeginning))
    lostMessages = isTooMuch ? .max : sum
  }
}
