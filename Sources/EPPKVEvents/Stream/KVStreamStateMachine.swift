package import EPPCore
package import EPPPrefixCache

/// Follows the numbered messages of one publisher (an engine, or one data-parallel rank of it): one method per event, which
/// returns the actions to perform. No I/O, no clock: times are passed in.
///
/// A publisher numbers its messages from 0 and does not announce a restart; a subscriber that is late, disconnected or too slow
/// misses some. Its replay socket sends the last 10,000 again, from a requested number on. Rules:
///
/// - On one connection numbers only grow: one that does not is a restart, and a restarted engine has an empty cache.
/// - The first numbers of a new connection may be the last ones of the old: they were queued while a replay overtook them.
///   Where there is a replay socket it distinguishes them from a restart.
/// - After every connect a replay fetches the messages that were published meanwhile.
/// - A replay starts with the last known message, its witness. When that number belongs to another message now, or neither it
///   nor a later one is sent, the engine was restarted, whatever its numbers.
/// - While a replay fetches, new messages wait; those that it also brought are dropped by their number. A replay that only
///   checks for missed messages makes none wait: it may go unanswered.
/// - What a replay has left out is requested again, as long as each replay brings something. (The publisher's socket drops what
///   it has no room for.)
/// - What a replay does not have is lost: the stream continues and is `degraded` until the cache is known to be empty.
/// - An unanswered replay leaves the engine unconfirmed: the stream is `degraded` until a later replay, or the first message of
///   all, shows that it is the same engine as before.
/// - A replay socket that fails is left alone for a while (`ReplayPause`), and the cost of one gap is bounded (`Replay.Cost`).
///
/// After the actions of an event, and after each `tick`, the owner performs what `proceed` returns.
package struct KVStreamStateMachine: Sendable {
  /// The largest number of messages that wait for a replay; further ones are dropped, and fetched by the next replay. An engine
  /// publishes 20 to 100 a second, and a replay of 10,000 takes seconds.
  package static let maximumHeld = 4096

  /// Messages that are lost permanently.
  package private(set) var lostMessages: UInt64 = 0
  /// Restarts of the engine that were detected while it was followed.
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
  ///   - configuration: the times and limits of replays and checks.
  package init(hasReplay: Bool, _ configuration: KVEventsConfiguration = KVEventsConfiguration()) {
    self.init(.following(AppliedHistory()), hasReplay: hasReplay, configuration)
  }

  /// Continues from what an earlier process has applied, with a replay. If that lacks `last`, all is learned anew.
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

  /// How reliable the known contents of the engine's cache are.
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

  /// Whether it is certain that no message about present blocks is lost.
  package var isComplete: Bool { !isSuspended && !history.isIncomplete && !history.isUnconfirmed }

  /// Whether only a replay can show that the engine is still the same.
  package var isUnconfirmed: Bool { history.isUnconfirmed }

  /// Whether a replay is needed or runs, fetching or checking.
  package var isFetching: Bool { replay != nil }

  /// Whether the needed or running replay only checks for missed messages.
  package var isChecking: Bool { if case .checking = mode { true } else { false } }

  /// Whether all messages are dropped, between `suspend` and `endSuspension`.
  package var isSuspended: Bool { if case .suspended = mode { true } else { false } }

  /// The last message applied since the engine's start; nil when there is none.
  package var lastMessage: KVMessageID? { history.lastMessage }

  /// Whether a message has been applied since the engine's start.
  package var hasApplied: Bool { lastMessage != nil }

  /// When the running replay was requested; nil when none runs.
  package var askedAt: MonotonicTime? { replay?.question?.startedAt }

  /// Whether no answer was read for so long that the owner should read the replay socket before the replay is given up.
  package func mayBeSilent(at now: MonotonicTime) -> Bool {
    replay?.question?.silence.mayBe(longerThan: configuration.replayIdleTimeout, now) ?? false
  }

  // MARK: - The subscription

  /// Processes a connect of the subscription, the first one or a further one.
  package mutating func connected(at now: MonotonicTime) -> [KVStreamAction] {
    timing.connected(now)
    guard !isSuspended else { return [] }
    numbers = ConnectionNumbers(nextAtConnect: next)
    let dropped: [KVStreamAction] = mode.isHolding ? [.dropHeld] : []
    let (ended, cost) = mode.endReplay(at: now)
    return ended + dropped + (hasReplay ? mode.wantReplay(cost: cost) : [])
  }

  /// Processes a disconnect of the subscription. Messages received before it may still follow.
  package mutating func disconnected() { timing.disconnected() }

  /// Processes a live message.
  ///
  /// - Parameter canWait: whether there is room to keep it.
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

  /// Processes a number lower than those before the connect. A replay from the last message on shows whether the engine was
  /// restarted, and contains the message if it was.
  ///
  /// - Returns: nil when no replay can answer; the message then counts as a restart.
  private mutating func verify(at now: MonotonicTime) -> [KVStreamAction]? {
    if replay?.witness != nil { return [.drop] }
    guard hasReplay, !history.isUnconfirmed, history.lastMessage != nil else { return nil }
    return [.drop] + mode.wantAnotherReplay(at: now, isVerifying: true)
  }

  // MARK: - Replays

  /// Processes a message of the running replay.
  ///
  /// - Parameter bytes: the size of its payload.
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

  /// Processes an unreadable answer of the replay socket.
  package mutating func replayUnreadable(at now: MonotonicTime) { replay?.noteAnswer(bytes: 0, at: now) }

  /// Records that the replay socket was read and had no answer.
  package mutating func replayEmpty(at now: MonotonicTime) { replay?.noteEmpty(at: now) }

  /// Starts the stream's turn to request a replay.
  package mutating func turnGranted(at now: MonotonicTime) -> [KVStreamAction] {
    guard let questions = replay?.cost.questions, case .queued = replay?.stage else { return [.closeReplay] }
    replay?.ask(at: now)
    if questions >= configuration.maximumReplayAsks { return giveUp(.tooManyQuestions(questions), at: now) }
    return [.askReplay(from: replay?.start ?? next)]
  }

  /// Processes the end of the running replay.
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

  /// Processes the passing of time. To be called a few times a second.
  ///
  /// - Parameter isTurnOver: whether the turn has to end, because other streams wait for theirs.
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

  /// Returns the next actions of the needed or running replay.
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

  /// Starts a check for missed messages, after a silence.
  package mutating func quiet() -> [KVStreamAction] {
    guard hasReplay, !isFetching, !isSuspended else { return [] }
    let replay = Replay(after: history, cost: Replay.Cost())
    mode = .checking(history, replay)
    return [.replay(from: replay.start)]
  }

  /// Processes the silence of a running replay.
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

  /// Processes a restart of the engine that other evidence shows (its start time on the metrics page).
  package mutating func restarted() -> [KVStreamAction] {
    // Before the first message there is nothing to forget.
    guard hasApplied || isFetching else { return [] }
    return startOver()
  }

  /// Learns the cache anew, because what is known of it has proved wrong.
  package mutating func mistrusted(_ contradiction: CacheContradiction) -> [KVStreamAction] {
    // A stream with gaps is known to be incomplete. Learning anew helps only with a replay that reaches back to the beginning.
    let isKnown = contradiction == .holdsMore && history.isIncomplete && (!hasReplay || history.hasLostBeginning)
    return hasApplied && !isKnown ? learnAnew() : []
  }

  /// Records that the applied message with this number reported the cache empty.
  package mutating func cleared(by number: UInt64) { history.clear(by: number) }

  /// Records that a message could not be decoded, or not be applied completely.
  package mutating func unreadable() { history.noteIncomplete() }

  /// Drops all messages until `endSuspension`, because restarts are too frequent for one engine.
  package mutating func suspend() -> [KVStreamAction] {
    guard !isSuspended else { return [] }
    let closing = forget()
    mode = .suspended
    return closing + [.reset, .dropHeld]
  }

  /// Ends the suspension.
  package mutating func endSuspension() -> [KVStreamAction] {
    guard isSuspended else { return [] }
    mode = .following(.forgotten(isIncomplete: false))
    numbers.last = nil
    return hasReplay ? mode.wantReplay() : []
  }

  /// Returns the actions that end a replay, because the stream is no longer followed.
  package mutating func stop() -> [KVStreamAction] { forget() }

  // MARK: - Steps

  /// Starts over after a restart of the engine, with one of its first messages.
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

  /// Starts over after a restart of the engine, without a message of the new process.
  private mutating func startOver() -> [KVStreamAction] {
    restarts += 1
    let closing = forget() + [.reset, .dropHeld]
    // The new engine's numbers are lower: no other restart.
    numbers.last = nil
    return hasReplay ? closing + mode.wantReplay() : closing
  }

  /// Drops what is known of the engine, which is still the same process.
  private mutating func learnAnew() -> [KVStreamAction] {
    // Without a replay the cache is full of blocks that are not known any more.
    let closing = forget(leaving: .forgotten(isIncomplete: !hasReplay)) + [.reset, .dropHeld]
    return hasReplay ? closing + mode.wantReplay() : closing
  }

  /// Returns to the initial state.
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

  /// Applies waiting messages. Gaps between them are fetched if replays bring anything, and lost if not.
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
