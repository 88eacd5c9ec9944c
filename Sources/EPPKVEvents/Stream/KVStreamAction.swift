/// What the owner of a `KVStreamStateMachine` has to do after an event, in the order of the list. `apply`, `hold` and `drop`
/// refer to the event's message.
package enum KVStreamAction: Sendable, Equatable {
  /// Forget all blocks of the stream.
  case reset
  case apply
  /// Keep the message until `applyHeld` names it or `dropHeld` follows.
  case hold
  case drop
  /// Apply the waiting message with this number, and drop all older ones.
  case applyHeld(UInt64)
  /// Drop all waiting messages.
  case dropHeld
  /// A replay of all messages from a number on is needed: `KVStreamStateMachine.proceed` returns when to request it. Further
  /// answers of an earlier replay do not count.
  case replay(from: UInt64)
  /// Add the stream to the queue for replays, and call `turnGranted` when its turn has come.
  case queueReplay(isUrgent: Bool)
  /// Remove the stream from the queue for replays.
  case leaveReplayQueue
  /// Open a replay socket and request all messages from a number on.
  case askReplay(from: UInt64)
  /// Close the replay socket and end the stream's turn.
  case closeReplay
  /// Count and log that this side has ended a replay.
  case reportReplay(ReplayFailure)
}

/// How a replay ended.
package enum ReplayEnd: Sendable, Equatable {
  /// The publisher has sent the end marker.
  case complete
  /// It was not answered, or not completely.
  case brokenOff
  /// It brought more than any publisher keeps, and was given up.
  case excessive
}

/// Why this side has ended a replay.
package enum ReplayFailure: Sendable, Equatable {
  /// Nothing arrived for too long.
  ///
  /// - hasBrought: whether messages were applied before.
  case unanswered(hasBrought: Bool)
  /// It was requested this many times for one gap, and each answer was incomplete.
  case tooManyQuestions(Int)
  /// It brought this many messages and bytes without an end.
  case tooMuch(messages: Int, bytes: Int)
  /// It took longer than this.
  case tooLong(Duration)
}
