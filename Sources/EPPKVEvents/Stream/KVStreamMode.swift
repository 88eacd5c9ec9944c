import EPPCore

/// The mode of a stream, with the state that exists only in that mode.
enum KVStreamMode: Sendable {
  /// The history of an earlier process was taken over; the first connection starts the replay that confirms it.
  case resuming(AppliedHistory)
  /// Messages are applied as they arrive.
  case following(AppliedHistory)
  /// Messages are applied as they arrive, and a replay checks whether some were missed.
  case checking(AppliedHistory, Replay)
  /// A replay fetches missing messages, and new messages wait.
  case fetching(AppliedHistory, Fetch)
  /// Message numbers start again so often that several publishers are likely: all messages are dropped.
  case suspended

  /// A replay that fetches missing messages.
  struct Fetch: Sendable {
    var replay: Replay
    /// Messages that wait, in ascending order.
    var held: [KVMessageID]
    /// Whether it was requested because of a number that may belong to the previous connection.
    var isVerifying: Bool
  }

  /// How reliable the known contents of the engine's cache are.
  var state: KVStreamState {
    switch self {
    case .resuming, .fetching: .replaying
    case .suspended: .degraded
    case .following(let history), .checking(let history, _):
      if history.isIncomplete || history.isUnconfirmed {
        .degraded
      } else {
        history.lastMessage == nil ? .waiting : .live
      }
    }
  }

  /// The history; empty and not changeable in `suspended`.
  var history: AppliedHistory {
    get {
      switch self {
      case .resuming(let history), .following(let history), .checking(let history, _), .fetching(let history, _):
        history
      case .suspended: AppliedHistory()
      }
    }
    set {
      switch self {
      case .resuming: self = .resuming(newValue)
      case .following: self = .following(newValue)
      case .checking(_, let replay): self = .checking(newValue, replay)
      case .fetching(_, let fetch): self = .fetching(newValue, fetch)
      case .suspended: break
      }
    }
  }

  /// The needed or running replay; nil when there is none. It can be changed, but not added or removed.
  var replay: Replay? {
    get {
      switch self {
      case .checking(_, let replay): replay
      case .fetching(_, let fetch): fetch.replay
      case .resuming, .following, .suspended: nil
      }
    }
    set {
      guard let newValue else { return }
      switch self {
      case .checking(let history, _): self = .checking(history, newValue)
      case .fetching(let history, var fetch):
        fetch.replay = newValue
        self = .fetching(history, fetch)
      case .resuming, .following, .suspended: break
      }
    }
  }

  /// The number of waiting messages.
  var heldCount: Int { if case .fetching(_, let fetch) = self { fetch.held.count } else { 0 } }

  /// Whether messages are waiting.
  var isHolding: Bool { heldCount > 0 }

  /// Adds a message that waits for the end of the replay.
  mutating func hold(_ message: KVMessageID) {
    guard case .fetching(let history, var fetch) = self else { return }
    // The only reference to the array, or appending would copy it.
    self = .suspended
    fetch.held.append(message)
    self = .fetching(history, fetch)
  }

  /// Removes and returns all waiting messages.
  mutating func takeHeld() -> [KVMessageID] {
    guard case .fetching(let history, var fetch) = self else { return [] }
    let held = fetch.held
    fetch.held = []
    self = .fetching(history, fetch)
    return held
  }

  /// The actions that end the replay.
  var closing: [KVStreamAction] {
    switch replay?.stage {
    case nil, .wanted: []
    case .queued: [.leaveReplayQueue]
    case .asked: [.closeReplay]
    }
  }

  /// Ends the replay, if there is one, and drops waiting messages.
  ///
  /// - Returns: the actions that end the replay, and the cost of this and the preceding replays.
  mutating func endReplay(at now: MonotonicTime) -> ([KVStreamAction], Replay.Cost) {
    guard let replay else { return ([], Replay.Cost()) }
    let closing = closing
    self = .following(history)
    return (closing, replay.costAtEnd(now))
  }

  /// Starts fetching missing messages.
  ///
  /// - Parameter cost: the cost of preceding replays for the same gap.
  mutating func wantReplay(
    cost: Replay.Cost = Replay.Cost(), held: [KVMessageID] = [], isVerifying: Bool = false
  ) -> [KVStreamAction] {
    let replay = Replay(after: history, cost: cost)
    self = .fetching(history, Fetch(replay: replay, held: held, isVerifying: isVerifying))
    return [.replay(from: replay.start)]
  }

  /// Replaces the running replay by one that fetches what is still missing.
  mutating func wantAnotherReplay(at now: MonotonicTime, isVerifying: Bool = false) -> [KVStreamAction] {
    let held = takeHeld()
    let (ended, cost) = endReplay(at: now)
    return ended + wantReplay(cost: cost, held: held, isVerifying: isVerifying)
  }
}
