/// Follows the numbered messages of one publisher (an engine, or one data-parallel rank of it): what happened in, what to
/// do out.
///
/// A publisher counts its messages from 0 and says nothing when it starts anew; whoever subscribes late, loses the
/// connection or is too slow misses some. Its replay socket gives the last 10,000 again, from a number on. Rules:
///
/// - On one connection numbers only grow: one that does not is a restart, and a restarted engine has an empty cache.
/// - After every connect what is missing is replayed: messages were published meanwhile.
/// - While a replay runs, new messages wait; those that it brought too are dropped by their number.
/// - What a replay does not bring is lost: the stream goes on and is `degraded` until the cache is known to be empty.
package struct KVStreamStateMachine: Sendable {
  /// What happened.
  package enum Event: Sendable, Equatable {
    /// The subscription is up, for the first time or again.
    case connected
    /// A live message came, with its number.
    case message(UInt64)
    /// A message of the replay that runs came.
    case replayed(UInt64)
    /// The replay has come to its end.
    case replayEnded
    /// The replay was not answered, or broke off.
    case replayFailed
    /// The engine's process is a new one, by other evidence (its start time on the metrics page).
    case restarted
    /// A message was applied that says that the cache is empty.
    case cleared
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

  /// Messages that wait for a replay; further ones are dropped, and fetched by the next replay. An engine publishes 20
  /// to 100 a second, and a replay of 10,000 takes seconds.
  package static let maximumHeld = 4096

  package private(set) var state = KVStreamState.waiting
  /// Messages that are lost for good.
  package private(set) var lostMessages: UInt64 = 0
  /// Starts of the engine that were noticed while it was followed.
  package private(set) var restarts: UInt64 = 0

  private let hasReplay: Bool
  /// The number of the next message to apply.
  private var next: UInt64 = 0
  /// Whether a message has been applied since the last restart.
  private var hasApplied = false
  /// `next` when the connection came up: a lower number on this connection is a restart.
  private var nextAtConnect: UInt64 = 0
  /// The last live number on this connection.
  private var lastLive: UInt64?
  /// Where the replay that runs began; nil when none runs.
  private var replayStart: UInt64?
  /// Numbers of the messages that are held, ascending.
  private var held: [UInt64] = []
  /// Whether messages are lost that say which blocks there are.
  private var isIncomplete = false

  /// - Parameter hasReplay: whether the engine's replay socket is known.
  package init(hasReplay: Bool) { self.hasReplay = hasReplay }

  package mutating func handle(_ event: Event) -> [Action] {
    let actions =
      switch event {
      case .connected: connected()
      case .message(let number): message(number)
      case .replayed(let number): replayed(number)
      case .replayEnded: replayOver(isAnswered: true)
      case .replayFailed: replayOver(isAnswered: false)
      case .restarted: restarted()
      case .cleared: cleared()
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
    replayStart = nil
    return hasReplay ? dropped + [replay(from: next)] : dropped
  }

  private mutating func message(_ number: UInt64) -> [Action] {
    if let lastLive, number <= lastLive { return restart(at: number) }
    if number < nextAtConnect { return restart(at: number) }
    lastLive = number
    if replayStart != nil {
      guard held.count < Self.maximumHeld else { return [.drop] }
      held.append(number)
      return [.hold]
    }
    if number < next { return [.drop] }
    if number > next {
      guard !hasReplay else {
        held.append(number)
        return [.hold, replay(from: next)]
      }
      lose(upTo: number)
    }
    applied(number)
    return [.apply]
  }

  private mutating func replayed(_ number: UInt64) -> [Action] {
    guard replayStart != nil, number >= next else { return [.drop] }
    lose(upTo: number)
    applied(number)
    return [.apply]
  }

  /// Takes up the messages that were held; a gap among them is replayed once more if the last replay brought anything.
  private mutating func replayOver(isAnswered: Bool) -> [Action] {
    guard let start = replayStart else { return [] }
    replayStart = nil
    let hasBroughtSomething = next > start
    // Unanswered, it is not known whether there was anything to bring.
    if !isAnswered, !hasBroughtSomething { isIncomplete = true }
    var actions: [Action] = []
    for (position, number) in held.enumerated() where number >= next {
      if number > next, isAnswered, hasBroughtSomething {
        held.removeFirst(position)
        return actions + [replay(from: next)]
      }
      lose(upTo: number)
      applied(number)
      actions.append(.applyHeld(number))
    }
    if !held.isEmpty { actions.append(.dropHeld) }
    held.removeAll(keepingCapacity: true)
    return actions
  }

  private mutating func restarted() -> [Action] {
    // Before the first message there is nothing to forget.
    guard hasApplied || replayStart != nil else { return [] }
    forget()
    lastLive = nil
    return hasReplay ? [.reset, .dropHeld, replay(from: 0)] : [.reset, .dropHeld]
  }

  private mutating func cleared() -> [Action] {
    isIncomplete = false
    return []
  }

  // MARK: - Steps

  /// The engine has begun anew: the number at hand is one of its first.
  private mutating func restart(at number: UInt64) -> [Action] {
    forget()
    lastLive = number
    if number > 0, hasReplay {
      held.append(number)
      return [.reset, .dropHeld, .hold, replay(from: 0)]
    }
    lose(upTo: number)
    applied(number)
    return [.reset, .dropHeld, .apply]
  }

  private mutating func forget() {
    restarts += 1
    next = 0
    nextAtConnect = 0
    hasApplied = false
    isIncomplete = false
    replayStart = nil
    held.removeAll(keepingCapacity: true)
  }

  private mutating func replay(from number: UInt64) -> Action {
    replayStart = number
    return .replay(from: number)
  }

  private mutating func applied(_ number: UInt64) {
    next = number + 1
    hasApplied = true
  }

  private mutating func lose(upTo number: UInt64) {
    guard number > next else { return }
    lostMessages += number - next
    isIncomplete = true
  }

  private mutating func settle() {
    if replayStart != nil {
      state = .replaying
    } else if isIncomplete {
      state = .degraded
    } else {
      state = hasApplied ? .live : .waiting
    }
  }
}
