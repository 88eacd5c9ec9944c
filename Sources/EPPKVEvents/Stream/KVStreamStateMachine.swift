import EPPPrefixCache

/// Follows the numbered messages of one publisher (an engine, or one data-parallel rank of it): what happened in, what to
/// do out.
///
/// A publisher counts its messages from 0 and says nothing when it starts anew; whoever subscribes late, loses the
/// connection or is too slow misses some. Its replay socket gives the last 10,000 again, from a number on. Rules:
///
/// - On one connection numbers only grow: one that does not is a restart, and a restarted engine has an empty cache.
/// - The first numbers of a new connection may be the last ones of the old: they waited while a replay has overtaken them.
///   Where there is a replay socket it tells them from a restart.
/// - After every connect what is missing is replayed: messages were published meanwhile.
/// - A replay begins with the last message that is known. When that one is another message by now, or is not there and
///   none after it, the engine was started anew, however far its numbers have come.
/// - While a replay runs, new messages wait; those that it brought too are dropped by their number. Nothing waits for a mere
///   look whether there was more: such a replay may go unanswered.
/// - What a replay has left out on its way is asked for again, as long as each replay brings something. (The publisher's
///   socket drops what does not fit between it and the network.)
/// - What a replay does not have is lost: the stream goes on and is `degraded` until the cache is known to be empty.
/// - A replay that is not answered leaves a doubt: the stream is `degraded` until a later one, or the first message of all,
///   shows that it is the same engine as before.
package struct KVStreamStateMachine: Sendable {
  /// A replay that runs.
  private struct Replay: Sendable {
    /// The number of the next message to apply, as it was when the replay began.
    var base: UInt64
    /// What the message before that was, as long as the replay has not shown it.
    var witness: KVMessageID?
    /// Whether nothing is known to be missing, and it only looks whether something is.
    var isCheck: Bool
    /// Whether it was asked for because of a number that may be of the old connection.
    var isVerifying = false
    /// Whether a message of it was applied.
    var hasBrought = false
  }

  /// What a replay without an answer leaves unknown.
  private enum Doubt: Sendable {
    /// Whether anything was published before the first message.
    case beginning
    /// Whether the engine is still the one that sent this message.
    case engine(KVMessageID)
  }

  /// Messages that wait for a replay; further ones are dropped, and fetched by the next replay. An engine publishes 20
  /// to 100 a second, and a replay of 10,000 takes seconds.
  package static let maximumHeld = 4096

  package private(set) var state = KVStreamState.waiting
  /// Messages that are lost for good.
  package private(set) var lostMessages: UInt64 = 0
  /// Starts of the engine that were noticed while it was followed.
  package private(set) var restarts: UInt64 = 0
  /// The number of the next message to apply: all before it are applied or lost.
  package private(set) var next: UInt64 = 0

  private let hasReplay: Bool
  /// The message that was applied last; nil when none was since the engine's start.
  private var last: KVMessageID?
  /// `next` when the connection came up: a lower number on this connection is a restart, or a message of the old one. 0 when
  /// it is known to be the latter.
  private var nextAtConnect: UInt64 = 0
  /// The last live number on this connection.
  private var lastLive: UInt64?
  private var replay: Replay?
  /// Messages that are held, ascending.
  private var held: [KVMessageID] = []
  /// Whether messages are lost that say which blocks there are.
  private var isIncomplete = false
  /// The number of the last message that is known to be lost: a cache that was emptied before it is not known again.
  private var lastLoss: UInt64?
  /// Whether what was known has been given up on purpose. The messages before the next one have been applied, or were not
  /// wanted: they are no losses.
  private var hasForgotten = false
  /// Whether the publisher's own memory does not reach back to its first message.
  private var hasLostBeginning = false
  private var doubt: Doubt?
  private var isSuspended = false
  /// Whether what is known before the connection is there comes from an earlier process, and has not been confirmed.
  private var isResumed = false

  /// - Parameter hasReplay: whether the engine's replay socket is known.
  package init(hasReplay: Bool) { self.hasReplay = hasReplay }

  /// Goes on from what an earlier process has applied. Until the replay has shown that last message nothing is sure: when it
  /// is another one, or is not kept any longer, all is learned anew.
  ///
  /// - Parameters:
  ///   - last: the message that was applied last.
  ///   - isComplete: whether none before it was lost.
  package init(resumingAfter last: KVMessageID, isComplete: Bool) {
    hasReplay = true
    self.last = last
    next = last.number &+ 1
    isIncomplete = !isComplete
    isResumed = true
    state = .replaying
  }

  /// Whether no message that matters is lost, as far as is known for sure.
  package var isComplete: Bool { !isIncomplete && doubt == nil && !isSuspended }

  /// Whether a replay has to show whether the engine is still the same one.
  package var isDoubtful: Bool { doubt != nil }

  /// Whether a replay is wanted or runs.
  package var isFetching: Bool { replay != nil }

  /// Whether the replay that is wanted only looks whether something is missing.
  package var isChecking: Bool { replay?.isCheck ?? false }

  /// The message that was applied last since the engine's start.
  package var lastMessage: KVMessageID? { last }

  /// Whether a message has been applied since the engine's start.
  package var hasApplied: Bool { last != nil }

  package mutating func handle(_ event: Event) -> [Action] {
    if isSuspended, event != .continued { return event.isAboutMessage ? [.drop] : [] }
    let actions =
      switch event {
      case .connected: connected()
      case .message(let message, let canWait): live(message, canWait)
      case .replayed(let message): replayed(message)
      case .replayEnded(let end): replayEnded(end)
      case .quiet: quiet()
      case .restarted: restarted()
      case .mistrusted(let contradiction): mistrusted(contradiction)
      case .cleared(let number): cleared(by: number)
      case .unreadable: unreadable()
      case .suspended: suspended()
      case .continued: continued()
      }
    settle()
    return actions
  }

  // MARK: - Events

  private mutating func connected() -> [Action] {
    lastLive = nil
    nextAtConnect = next
    let dropped: [Action] = held.isEmpty ? [] : [.dropHeld]
    held.removeAll(keepingCapacity: true)
    replay = nil
    return hasReplay ? dropped + [beginReplay()] : dropped
  }

  private mutating func live(_ message: KVMessageID, _ canWait: Bool) -> [Action] {
    guard message.number < .max else { return [.drop] }
    if let lastLive, message.number <= lastLive { return restart(at: message, canWait) }
    if message.number < nextAtConnect, let actions = verify() {
      lastLive = message.number
      return actions
    }
    if message.number < nextAtConnect { return restart(at: message, canWait) }
    lastLive = message.number
    if let replay, !replay.isCheck { return [hold(message, canWait)] }
    if message.number < next { return [.drop] }
    if message.number > next {
      // A look that runs was asked for before this one was published: another one brings what is missing.
      if hasReplay { return [hold(message, canWait), beginReplay()] }
      lose(upTo: message.number)
    }
    applied(message)
    return [.apply]
  }

  /// A number lower than those from before the connection has come. A replay from the last message on tells whether the
  /// engine is another one by now, and has the message if it is.
  ///
  /// - Returns: nil when no replay answers: then it is taken for a restart.
  private mutating func verify() -> [Action]? {
    if replay?.witness != nil { return [.drop] }
    guard hasReplay, doubt == nil, last != nil else { return nil }
    let action = beginReplay()
    replay?.isVerifying = true
    return [.drop, action]
  }

  private mutating func replayed(_ message: KVMessageID) -> [Action] {
    guard let replay, message.number < .max else { return [.drop] }
    if let witness = replay.witness, message.number >= witness.number {
      self.replay?.witness = nil
      if isResumed, message.number > witness.number { return [.drop] + learnAnew() }
      isResumed = false
      if message.number == witness.number, message.mark != witness.mark { return [.drop] + startOver() }
      // The last message is not kept any more: whether this one is of the same process cannot be told.
      if message.number > witness.number { isIncomplete = true }
      doubt = nil
      if replay.isVerifying { nextAtConnect = 0 }
    }
    guard message.number >= next else { return [.drop] }
    if message.number > next {
      if next > replay.base { return [.drop, beginReplay()] }
      if last == nil { hasLostBeginning = true }
      lose(upTo: message.number)
    }
    self.replay?.hasBrought = true
    applied(message)
    return [.apply]
  }

  private mutating func replayEnded(_ end: ReplayEnd) -> [Action] {
    guard let replay else { return [] }
    if end == .complete, !replay.hasBrought, replay.witness != nil, held.isEmpty {
      // Neither the last message that was seen nor any later one: they are another engine's numbers.
      return startOver()
    }
    if end == .brokenOff, replay.hasBrought { return [beginReplay()] }
    self.replay = nil
    switch end {
    case .complete: if case .beginning = doubt { doubt = nil }
    case .brokenOff: if !replay.isCheck { noteUnanswered(replay) }
    case .excessive: isIncomplete = true
    }
    return takeUpHeld(mayReplay: replay.hasBrought && end == .complete)
  }

  private mutating func noteUnanswered(_ replay: Replay) {
    // An older doubt says more: who proves to be the engine of then has been it ever since.
    guard doubt == nil else { return }
    if let witness = replay.witness {
      doubt = .engine(witness)
    } else if last == nil {
      doubt = .beginning
    }
  }

  private mutating func quiet() -> [Action] {
    guard hasReplay, replay == nil else { return [] }
    return [beginReplay(isCheck: true)]
  }

  private mutating func restarted() -> [Action] {
    // Before the first message there is nothing to forget.
    guard last != nil || replay != nil else { return [] }
    return startOver()
  }

  private mutating func mistrusted(_ contradiction: CacheContradiction) -> [Action] {
    guard last != nil else { return [] }
    // That the engine holds more than is known of a stream with gaps is no news, and nothing is gained by knowing less:
    // without a replay, or with one that does not reach back to the beginning.
    if contradiction == .holdsMore, isIncomplete, !hasReplay || hasLostBeginning { return [] }
    return learnAnew()
  }

  private mutating func learnAnew() -> [Action] {
    forget()
    hasForgotten = true
    // Without a replay the cache is full of blocks that are not known any more.
    isIncomplete = !hasReplay
    return hasReplay ? [.reset, .dropHeld, beginReplay()] : [.reset, .dropHeld]
  }

  private mutating func cleared(by number: UInt64) -> [Action] {
    doubt = nil
    hasLostBeginning = false
    // Held messages are applied after all of them have been looked at: what is lost may be behind this one.
    if let lastLoss, lastLoss > number { return [] }
    isIncomplete = false
    return []
  }

  private mutating func unreadable() -> [Action] {
    isIncomplete = true
    return []
  }

  private mutating func suspended() -> [Action] {
    forget()
    hasForgotten = true
    isSuspended = true
    return [.reset, .dropHeld]
  }

  private mutating func continued() -> [Action] {
    guard isSuspended else { return [] }
    isSuspended = false
    lastLive = nil
    return hasReplay ? [beginReplay()] : []
  }

  // MARK: - Steps

  /// The engine has begun anew: the message at hand is one of its first.
  private mutating func restart(at message: KVMessageID, _ canWait: Bool) -> [Action] {
    restarts += 1
    forget()
    lastLive = message.number
    if message.number > 0, hasReplay {
      return [.reset, .dropHeld, hold(message, canWait), beginReplay()]
    }
    lose(upTo: message.number)
    applied(message)
    return [.reset, .dropHeld, .apply]
  }

  /// The engine has begun anew, and nothing of it is at hand.
  private mutating func startOver() -> [Action] {
    restarts += 1
    forget()
    // The new engine's numbers are lower: no other restart.
    lastLive = nil
    return hasReplay ? [.reset, .dropHeld, beginReplay()] : [.reset, .dropHeld]
  }

  private mutating func forget() {
    next = 0
    nextAtConnect = 0
    last = nil
    isIncomplete = false
    lastLoss = nil
    hasForgotten = false
    hasLostBeginning = false
    doubt = nil
    isResumed = false
    replay = nil
    held.removeAll(keepingCapacity: true)
  }

  private mutating func beginReplay(isCheck: Bool = false) -> Action {
    let witness = if case .engine(let message) = doubt { message } else { last }
    replay = Replay(base: next, witness: witness, isCheck: isCheck)
    return .replay(from: witness?.number ?? next)
  }

  private mutating func hold(_ message: KVMessageID, _ canWait: Bool) -> Action {
    guard canWait, held.count < Self.maximumHeld else { return .drop }
    held.append(message)
    return .hold
  }

  /// Applies what was held; a gap among it is replayed if replays bring anything, and lost if not.
  private mutating func takeUpHeld(mayReplay: Bool) -> [Action] {
    var actions: [Action] = []
    for (position, message) in held.enumerated() where message.number >= next {
      if message.number > next, mayReplay {
        held.removeFirst(position)
        return actions + [beginReplay()]
      }
      lose(upTo: message.number)
      applied(message)
      actions.append(.applyHeld(message.number))
    }
    if !held.isEmpty { actions.append(.dropHeld) }
    held.removeAll(keepingCapacity: true)
    return actions
  }

  private mutating func applied(_ message: KVMessageID) {
    next = message.number + 1
    last = message
    hasForgotten = false
    // It was the first of all, or what was before it is lost.
    if case .beginning = doubt { doubt = nil }
  }

  private mutating func lose(upTo number: UInt64) {
    guard number > next else { return }
    isIncomplete = true
    lastLoss = number - 1
    if hasForgotten { return }
    // Numbers are the publisher's: twice nearly all there are is more than can be counted.
    let (sum, isTooMuch) = lostMessages.addingReportingOverflow(number - next)
    lostMessages = isTooMuch ? .max : sum
  }

  private mutating func settle() {
    if let replay, !replay.isCheck {
      state = .replaying
    } else if isIncomplete || doubt != nil || isSuspended {
      state = .degraded
    } else {
      state = hasApplied ? .live : .waiting
    }
  }
}
