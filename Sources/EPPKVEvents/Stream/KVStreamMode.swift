import EPPCore

/// What a stream does. Everything that only matters while it does so goes with it.
enum KVStreamMode: Sendable {
  /// An earlier process's history was taken over; the first connection begins the replay that confirms it.
  case resuming(AppliedHistory)
  /// Messages are applied as they come.
  case following(AppliedHistory)
  /// Messages are applied as they come, and a replay looks whether there was more.
  case checking(AppliedHistory, Replay)
  /// A replay brings what is missing, and messages are held.
  case fetching(AppliedHistory, Fetch)
  /// Messages are numbered anew so often that it cannot be one engine: nothing counts.
  case suspended

  /// A replay that brings what is missing.
  struct Fetch: Sendable {
    var replay: Replay
    /// Messages that are held, ascending.
    var held: [KVMessageID]
    /// Whether it was asked for because of a number that may be of the old connection.
    var isVerifying: Bool
  }

  /// How far what is known of the engine's cache can be trusted.
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

  /// Empty while nothing counts; a change is without effect then.
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

  /// The replay that is wanted or runs; nil when there is none. Only one that is there can be changed.
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

  var heldCount: Int { if case .fetching(_, let fetch) = self { fetch.held.count } else { 0 } }

  var isHolding: Bool { heldCount > 0 }

  /// Keeps a message until the replay has ended.
  mutating func hold(_ message: KVMessageID) {
    guard case .fetching(let history, var fetch) = self else { return }
    // The only reference to the array, or appending would copy it.
    self = .suspended
    fetch.held.append(message)
    self = .fetching(history, fetch)
  }

  /// Takes all messages that are held.
  mutating func takeHeld() -> [KVMessageID] {
    guard case .fetching(let history, var fetch) = self else { return [] }
    let held = fetch.held
    fetch.held = []
    self = .fetching(history, fetch)
    return held
  }

  /// What has to be closed when the replay ends.
  var closing: [KVStreamAction] {
    switch replay?.stage {
    case nil, .wanted: []
    case .queued: [.leaveReplayQueue]
    case .asked: [.closeReplay]
    }
  }

  /// Goes on without the replay, if there is one; what is held goes with it.
  ///
  /// - Returns: what has to be closed, and what the replay and those before it have cost.
  mutating func endReplay(at now: MonotonicTime) -> ([KVStreamAction], Replay.Cost) {
    guard let replay else { return ([], Replay.Cost()) }
    let closing = closing
    self = .following(history)
    return (closing, replay.costAtEnd(now))
  }

  /// Fetches what is missing.
  ///
  /// - Parameter cost: of the replays before it that were to fetch the same.
  mutating func wantReplay(
    cost: Replay.Cost = Replay.Cost(), held: [KVMessageID] = [], isVerifying: Bool = false
  ) -> [KVStreamAction] {
    let replay = Replay(after: history, cost: cost)
    self = .fetching(history, Fetch(replay: replay, held: held, isVerifying: isVerifying))
    return [.replay(from: replay.start)]
  }

  /// Fetches what is still missing, in the place of the replay that runs.
  mutating func wantAnotherReplay(at now: MonotonicTime, isVerifying: Bool = false) -> [KVStreamAction] {
    let held = takeHeld()
    let (ended, cost) = endReplay(at: now)
    return ended + wantReplay(cost: cost, held: held, isVerifying: isVerifying)
  }
}
