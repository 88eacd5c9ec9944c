package import EPPPrefixCache

/// Follows the numbered messages of one publisher (an engine, or one data-parallel rank of it): what happened in, what to
/// do out.
///
/// A publisher counts its messages from 0 and says nothing when it starts anew; whoever subscribes late, loses the
/// connection or is too slow misses some. Its replay socket gives the last 10,000 again, from a number on. Rules:
///
/// - On one connection numbers only grow: one that does not is a restart, and a restarted engine has an empty cache.
/// - After every connect what is missing is replayed: messages were published meanwhile.
/// - A replay begins with the last message that is known. When that one is another message by now, or is not there and
///   none after it, the engine was started anew, however far its numbers have come.
/// - While a replay runs, new messages wait; those that it brought too are dropped by their number.
/// - What a replay has left out on its way is asked for again, as long as each replay brings something. (The publisher's
///   socket drops what does not fit between it and the network.)
/// - What a replay does not have is lost: the stream goes on and is `degraded` until the cache is known to be empty.
package struct KVStreamStateMachine: Sendable {
  /// What happened.
  package enum Event: Sendable, Equatable {
    /// The subscription is up, for the first time or again.
    case connected
    /// A live message came. There is room for it to wait, or there is none.
    case message(KVMessageID, canWait: Bool)
    /// A message of the replay that runs came.
    case replayed(KVMessageID)
    /// No more comes of the replay that runs.
    case replayEnded(ReplayEnd)
    /// Nothing has come for a while: the last messages may have been lost on their way.
    case quiet
    /// The engine's process is a new one, by other evidence (its start time on the metrics page).
    case restarted
    /// What is known of the cache has proved wrong.
    case mistrusted(CacheContradiction)
    /// A message was applied that says that the cache is empty.
    case cleared
    /// A message that was to be applied could not be read.
    case unreadable
  }

  /// How a replay ended.
  package enum ReplayEnd: Sendable, Equatable {
    /// The publisher has said that there is no more.
    case complete
    /// It was not answered, or not to its end.
    case brokenOff
    /// It brought more than any publisher keeps, and was given up.
    case excessive
  }

  /// What to do, in this order. `apply`, `hold` and `drop` are about the message of the event.
  package enum Action: Sendable, Equatable {
    /// Forget all blocks of the stream.
    case reset
    case apply
    /// Keep the message until it is named by `applyHeld`, or `dropHeld` comes.
    case hold
    case drop
    /// Apply the message with this number that is held; it is the oldest one, all older ones are dropped.
    case applyHeld(UInt64)
    /// Drop all messages that are held.
    case dropHeld
    /// Ask for all messages from a number on. A replay that still runs is given up: nothing of it counts any more.
    case replay(from: UInt64)
  }

  /// A replay that runs.
  private struct Replay: Sendable {
    /// The number of the next message to apply, as it was when the replay began.
    var base: UInt64
    /// What the message before that was, as long as the replay has not shown it.
    var witness: KVMessageID?
    /// Whether nothing is known to be missing, and it only looks whether something is.
    var isCheck: Bool
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
  /// `next` when the connection came up: a lower number on this connection is a restart.
  private var nextAtConnect: UInt64 = 0
  /// The last live number on this connection.
  private var lastLive: UInt64?
  private var replay: Replay?
  /// Messages that are held, ascending.
  private var held: [KVMessageID] = []
  /// Whether messages are lost that say which blocks there are.
  private var isIncomplete = false

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

  /// Whether no message that matters is lost.
  package var isComplete: Bool { !isIncomplete }

  /// The message that was applied last since the engine's start.
  package var lastMessage: KVMessageID? { last }

  /// Whether a message has been applied since the engine's start.
  package var hasApplied: Bool { last != nil }

  package mutating func handle(_ event: Event) -> [Action] {
    let actions =
      switch event {
      case .connected: connected()
      case .message(let message, let canWait): live(message, canWait)
      case .replayed(let message): replayed(message)
      case .replayEnded(let end): replayEnded(end)
      case .quiet: quiet()
      case .restarted: restarted()
      case .mistrusted(let contradiction): mistrusted(contradiction)
      case .cleared: note(isIncomplete: false)
      case .unreadable: note(isIncomplete: true)
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
    if message.number < nextAtConnect { return restart(at: message, canWait) }
    lastLive = message.number
    if replay != nil { return [hold(message, canWait)] }
    if message.number < next { return [.drop] }
    if message.number > next {
      if hasReplay { return [hold(message, canWait), beginReplay()] }
      lose(upTo: message.number)
    }
    applied(message)
    return [.apply]
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
    }
    guard message.number >= next else { return [.drop] }
    if message.number > next {
      if next > replay.base { return [.drop, beginReplay()] }
      lose(upTo: message.number)
    }
    applied(message)
    return [.apply]
  }

  private mutating func replayEnded(_ end: ReplayEnd) -> [Action] {
    guard let replay else { return [] }
    let hasProgress = next > replay.base
    if end == .complete, !hasProgress, replay.witness != nil, held.isEmpty {
      // Neither the last message that was seen nor any later one: they are another engine's numbers.
      return startOver()
    }
    if end == .brokenOff, hasProgress { return [beginReplay()] }
    self.replay = nil
    // Unanswered, it is not known whether there was anything to bring.
    if end == .excessive || (end == .brokenOff && !replay.isCheck) { isIncomplete = true }
    return takeUpHeld(mayReplay: hasProgress && end == .complete)
  }

  private mutating func quiet() -> [Action] {
    guard hasReplay, replay == nil else { return [] }
    return [beginReplay(isCheck: true)]
  }

  private mutating func restarted() -> [Action] {
    // Before the first message there is nothing to forget.
    guard last != nil || replay != nil else { return [] }
    lastLive = nil
    return startOver()
  }

  private mutating func mistrusted(_ contradiction: CacheContradiction) -> [Action] {
    // That the engine holds more than is known of a stream with gaps is no news, and without a replay nothing is gained
    // by knowing less.
    if last == nil || contradiction == .holdsMore && isIncomplete && !hasReplay { return [] }
    return learnAnew()
  }

  private mutating func learnAnew() -> [Action] {
    forget()
    // Without a replay the cache is full of blocks that are not known any more.
    isIncomplete = !hasReplay
    return hasReplay ? [.reset, .dropHeld, beginReplay()] : [.reset, .dropHeld]
  }

  private mutating func note(isIncomplete: Bool) -> [Action] {
    self.isIncomplete = isIncomplete
    return []
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
    return hasReplay ? [.reset, .dropHeld, beginReplay()] : [.reset, .dropHeld]
  }

  private mutating func forget() {
    next = 0
    nextAtConnect = 0
    last = nil
    isIncomplete = false
    isResumed = false
    replay = nil
    held.removeAll(keepingCapacity: true)
  }

  private mutating func beginReplay(isCheck: Bool = false) -> Action {
    // What was lost is not asked for again: the last message is then not the one before `next`.
    let witness = last.flatMap { $0.number + 1 == next ? $0 : nil }
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
  }

  private mutating func lose(upTo number: UInt64) {
    guard number > next else { return }
    // Numbers are the publisher's: twice nearly all there are is more than can be counted.
    let (sum, isTooMuch) = lostMessages.addingReportingOverflow(number - next)
    lostMessages = isTooMuch ? .max : sum
    isIncomplete = true
  }

  private mutating func settle() {
    if let replay, !replay.isCheck {
      state = .replaying
    } else if isIncomplete {
      state = .degraded
    } else {
      state = hasApplied ? .live : .waiting
    }
  }
}
