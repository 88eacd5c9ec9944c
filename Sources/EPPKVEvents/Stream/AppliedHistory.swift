/// Which messages of one process of an engine have been applied, and which of them are missing.
package struct AppliedHistory: Sendable, Equatable {
  /// The last message that was applied since the engine's start.
  package enum Last: Sendable, Equatable {
    /// None was.
    ///
    /// - isBeginningUnknown: whether a replay that was not answered leaves open if anything was published before the first message.
    /// - isForgotten: whether what had been applied was dropped on purpose: the messages before the next one are not lost.
    case none(isBeginningUnknown: Bool, isForgotten: Bool)
    case message(KVMessageID, Identity)
  }

  /// Whether the engine is known to be still the process whose messages were applied.
  package enum Identity: Sendable, Equatable {
    case confirmed
    /// A replay that was to show this message has not been answered.
    case unconfirmed(since: KVMessageID)
    /// The messages were applied by an earlier process of this program, and no replay has shown the last of them. A replay that was
    /// to show this message has not been answered; nil as long as none was asked for.
    case resumed(unconfirmedSince: KVMessageID?)
  }

  /// Messages that are lost for good and say which blocks there are.
  package enum Losses: Sendable, Equatable {
    case none
    /// - last: the number of the last message that is known to be lost. A cache that was emptied before it is not known again.
    /// - includesBeginning: whether the publisher's own buffer does not reach back to its first message.
    case some(last: UInt64?, includesBeginning: Bool)
  }

  package private(set) var last: Last
  package private(set) var losses: Losses

  /// Nothing is applied, and nothing is known to be missing.
  package init() { self.init(last: .none(isBeginningUnknown: false, isForgotten: false), losses: .none) }

  private init(last: Last, losses: Losses) {
    self.last = last
    self.losses = losses
  }

  /// What an earlier process of this program has applied.
  package init(resumingAfter last: KVMessageID, isComplete: Bool) {
    self.init(
      last: .message(last, .resumed(unconfirmedSince: nil)),
      losses: isComplete ? .none : .some(last: nil, includesBeginning: false))
  }

  /// What is left when the history has been dropped on purpose.
  ///
  /// - Parameter isIncomplete: whether the engine's cache holds blocks that cannot be learned again.
  package static func forgotten(isIncomplete: Bool) -> AppliedHistory {
    AppliedHistory(
      last: .none(isBeginningUnknown: false, isForgotten: true),
      losses: isIncomplete ? .some(last: nil, includesBeginning: false) : .none)
  }

  // MARK: - What is known

  /// The number of the next message to apply: all before it are applied or lost.
  package var next: UInt64 { if case .message(let last, _) = last { last.number &+ 1 } else { 0 } }

  /// The message that was applied last since the engine's start.
  package var lastMessage: KVMessageID? { if case .message(let last, _) = last { last } else { nil } }

  /// Whether only a replay can show that nothing before the present messages is missing.
  package var isUnconfirmed: Bool {
    switch last {
    case .none(let isBeginningUnknown, _): isBeginningUnknown
    case .message(_, .confirmed), .message(_, .resumed(unconfirmedSince: nil)): false
    case .message(_, .unconfirmed), .message(_, .resumed): true
    }
  }

  /// Whether messages are lost that say which blocks there are.
  package var isIncomplete: Bool { losses != .none }

  package var hasLostBeginning: Bool {
    if case .some(_, includesBeginning: true) = losses { true } else { false }
  }

  /// Whether the history is an earlier process's, and not confirmed.
  package var isResumed: Bool { if case .message(_, .resumed) = last { true } else { false } }

  /// The message that a replay has to show for the engine to be the same process; nil when none was applied.
  package var witness: KVMessageID? {
    switch last {
    case .none: nil
    case .message(_, .unconfirmed(let since)), .message(_, .resumed(let since?)): since
    case .message(let last, _): last
    }
  }

  // MARK: - Changes

  /// A message is applied; `lose` has been called for what is left out before it.
  package mutating func apply(_ message: KVMessageID) {
    if case .message(_, let identity) = last {
      last = .message(message, identity)
    } else {
      last = .message(message, .confirmed)
    }
  }

  /// All messages from `next` up to a number, that one left out, are lost.
  ///
  /// - Returns: how many of them count as losses.
  package mutating func lose(upTo number: UInt64, isBeginning: Bool = false) -> UInt64 {
    guard number > next else { return 0 }
    let count = number - next
    losses = .some(last: number - 1, includesBeginning: isBeginning || hasLostBeginning)
    if case .none(_, isForgotten: true) = last { return 0 }
    return count
  }

  /// Something is missing, and it is not known which message.
  package mutating func noteIncomplete() {
    guard case .none = losses else { return }
    losses = .some(last: nil, includesBeginning: false)
  }

  /// A replay has shown that the engine is the same process.
  package mutating func confirmEngine() {
    if case .message(let message, _) = last { last = .message(message, .confirmed) }
  }

  /// A replay has ended as it should: what it has not shown was not published.
  package mutating func confirmBeginning() {
    if case .none(_, let isForgotten) = last { last = .none(isBeginningUnknown: false, isForgotten: isForgotten) }
  }

  /// A replay was not answered.
  ///
  /// - Parameter witness: what it was to show and has not; nil when it has, or there was nothing to show.
  package mutating func noteUnanswered(_ witness: KVMessageID?) {
    switch last {
    case .none(_, let isForgotten): last = .none(isBeginningUnknown: true, isForgotten: isForgotten)
    // An earlier unanswered replay says more: an engine that proves to be the process of then has been it ever since.
    case .message(let message, .confirmed):
      if let witness { last = .message(message, .unconfirmed(since: witness)) }
    case .message(let message, .resumed(unconfirmedSince: nil)):
      if let witness { last = .message(message, .resumed(unconfirmedSince: witness)) }
    case .message: break
    }
  }

  /// The message with this number says that the cache is empty.
  package mutating func clear(by number: UInt64) {
    switch last {
    case .none(_, let isForgotten): last = .none(isBeginningUnknown: false, isForgotten: isForgotten)
    case .message(let message, .unconfirmed): last = .message(message, .confirmed)
    case .message(let message, .resumed): last = .message(message, .resumed(unconfirmedSince: nil))
    case .message: break
    }
    // Held messages are applied after all of them have been looked at: what is lost may be behind this one.
    if case .some(let lastLoss?, _) = losses, lastLoss > number {
      losses = .some(last: lastLoss, includesBeginning: false)
    } else {
      losses = .none
    }
  }
}
