package import EPPPrefixCache

/// What goes in and what comes out.
extension KVStreamStateMachine {
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
    /// The message with this number was applied, and says that the cache is empty.
    case cleared(by: UInt64)
    /// A message that was to be applied could not be read.
    case unreadable
    /// It has started anew so often that it cannot be one engine: nothing of it counts until `continued`.
    case suspended
    /// It is tried again.
    case continued
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
}

extension KVStreamStateMachine.Event {
  /// The message that it is about.
  var message: KVMessageID? {
    switch self {
    case .message(let id, _), .replayed(let id): id
    default: nil
    }
  }

  var isAboutMessage: Bool { message != nil }
}
