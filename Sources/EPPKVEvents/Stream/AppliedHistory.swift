/// Which messages of one process of an engine have been applied, and which are missing.
package struct AppliedHistory: Sendable, Equatable {
  /// The last message that was applied since the engine's start.
  package enum Last: Sendable, Equatable {
    /// No message was applied.
    ///
    /// - isBeginningUnknown: whether messages may have been published before the first received one, because a replay was not
    ///   answered.
    /// - isForgotten: whether applied messages were dropped on purpose, so that the messages before the next one do not count
    ///   as lost.
    case none(isBeginningUnknown: Bool, isForgotten: Bool)
    case message(KVMessageID, Identity)
  }

  /// Whether the engine is known to be the process whose messages were applied.
  package enum Identity: Sendable, Equatable {
    case confirmed
    /// Unknown: a replay from this message on was not answered.
    case unconfirmed(since: KVMessageID)
    /// Unknown: the messages were applied by an earlier process of this program, and no replay has confirmed the last of them.
    /// The associated message is the start of a replay that was not answered; nil when none was requested.
    case resumed(unconfirmedSince: KVMessageID?)
  }

  /// Messages about present blocks that cannot be had any more.
  package enum Losses: Sendable, Equatable {
    case none
    /// - last: the number of the last lost message; nil when it is not known. Clearing the cache before that message does not
    ///   make the contents known.
    /// - includesBeginning: whether the publisher's replay buffer no longer contains its first message.
    case some(last: UInt64?, includesBeginning: Bool)
  }

  /// The last applied message.
  package private(set) var last: Last
  /// The lost messages.
  package private(set) var losses: Losses

  /// A history without applied or lost messages.
  package init() { self.init(last: .none(isBeginningUnknown: false, isForgotten: false), losses: .none) }

  private init(last: Last, losses: Losses) {
    self.last = last
    self.losses = losses
  }

  /// The history of an earlier process of this program.
  ///
  /// - Parameters:
  ///   - last: the last message that it applied.
  ///   - isComplete: whether it had lost no message.
  package init(resumingAfter last: KVMessageID, isComplete: Bool) {
    self.init(
      last: .message(last, .resumed(unconfirmedSince: nil)),
      losses: isComplete ? .none : .some(last: nil, includesBeginning: false))
  }

  /// A history whose messages were dropped on purpose.
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

  /// The last message applied since the engine's start; nil when there is none.
  package var lastMessage: KVMessageID? { if case .message(let last, _) = last { last } else { nil } }

  /// Whether only a replay can show that no earlier message is missing.
  package var isUnconfirmed: Bool {
    switch last {
    case .none(let isBeginningUnknown, _): isBeginningUnknown
    case .message(_, .confirmed), .message(_, .resumed(unconfirmedSince: nil)): false
    case .message(_, .unconfirmed), .message(_, .resumed): true
    }
  }

  /// Whether messages about present blocks are lost.
  package var isIncomplete: Bool { losses != .none }

  /// Whether the publisher's replay buffer no longer contains its first message, and messages are lost.
  package var hasLostBeginning: Bool {
    if case .some(_, includesBeginning: true) = losses { true } else { false }
  }

  /// Whether the history is that of an earlier process of this program, and not confirmed.
  package var isResumed: Bool { if case .message(_, .resumed) = last { true } else { false } }

  /// The message that a replay has to contain if the engine is still the same process; nil when none was applied.
  package var witness: KVMessageID? {
    switch last {
    case .none: nil
    case .message(_, .unconfirmed(let since)), .message(_, .resumed(let since?)): since
    case .message(let last, _): last
    }
  }

  // MARK: - Changes

  /// Records an applied message. `lose` has to be called first for messages that are left out before it.
  package mutating func apply(_ message: KVMessageID) {
    if case .message(_, let identity) = last {
      last = .message(message, identity)
    } else {
      last = .message(message, .confirmed)
    }
  }

  /// Records that all messages from `next` up to, not including, `number` are lost.
  ///
  /// - Returns: how many of them count as losses.
  package mutating func lose(upTo number: UInt64, isBeginning: Bool = false) -> UInt64 {
    guard number > next else { return 0 }
    let count = number - next
    losses = .some(last: number - 1, includesBeginning: isBeginning || hasLostBeginning)
    if case .none(_, isForgotten: true) = last { return 0 }
    return count
  }

  /// Records that some unknown message is missing.
  package mutating func noteIncomplete() {
    guard case .none = losses else { return }
    losses = .some(last: nil, includesBeginning: false)
  }

  /// Records that a replay has shown that the engine is the same process.
  package mutating func confirmEngine() {
    if case .message(let message, _) = last { last = .message(message, .confirmed) }
  }

  /// Records that a replay was complete, so that no message before it is missing.
  package mutating func confirmBeginning() {
    if case .none(_, let isForgotten) = last { last = .none(isBeginningUnknown: false, isForgotten: isForgotten) }
  }

  /// Records that a replay was not answered.
  ///
  /// - Parameter witness: the message that the replay should have contained and has not; nil when it has, or there was none.
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

  /// Records that the message with this number reported the cache empty.
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

/// Bounds of message numbers on the current connection.
struct ConnectionNumbers: Sendable {
  /// The next expected number at the time of the connect. A lower one on this connection is a restart, or a message of the
  /// previous connection; 0 when it is known to be the latter.
  var nextAtConnect: UInt64 = 0
  /// The last number received on this connection; nil before the first.
  var last: UInt64?
}
