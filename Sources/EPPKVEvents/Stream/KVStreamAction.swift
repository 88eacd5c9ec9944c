/// What the owner of a `KVStreamStateMachine` has to do after an event, in this order. `apply`, `hold` and `drop` are about the
/// message of the event.
package enum KVStreamAction: Sendable, Equatable {
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
  /// A replay of all messages from a number on is wanted: `KVStreamStateMachine.proceed` says when to ask. What still comes of an
  /// earlier one does not count.
  case replay(from: UInt64)
  /// Enter the stream into the queue of those that wait for their turn to ask; `turnGranted` when it has come.
  case queueReplay(isUrgent: Bool)
  /// Take the stream out of that queue.
  case leaveReplayQueue
  /// Open a replay socket and ask it for all messages from a number on.
  case askReplay(from: UInt64)
  /// Close the replay socket and give the turn to others.
  case closeReplay
  /// Count how a replay has ended that nobody else has told of, and say so.
  case reportReplay(ReplayFailure)
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

/// Why a replay was ended by this side.
package enum ReplayFailure: Sendable, Equatable {
  /// Nothing came for too long.
  ///
  /// - hasBrought: whether messages were applied before.
  case unanswered(hasBrought: Bool)
  /// It was asked for so many times in a row and left something out each time.
  case tooManyQuestions(Int)
  /// It brought so much and did not end.
  case tooMuch(messages: Int, bytes: Int)
  /// It took longer than this.
  case tooLong(Duration)
}
