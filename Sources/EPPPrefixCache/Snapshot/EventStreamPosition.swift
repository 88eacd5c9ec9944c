/// How far an engine's stream of events has been applied, and what tells whether it is still the same engine.
package struct EventStreamPosition: Equatable, Sendable {
  /// The number of the next message: all before it are applied, or lost.
  package var nextMessage: UInt64
  /// What the message before it was (`KVMessageID.mark`): another engine's message with the same number is another one.
  package var lastMark: UInt64?
  /// When the engine's process was started, in seconds since 1970, as its metrics page tells.
  package var engineStartTime: Double?
  /// Whether no message before it that matters is lost.
  package var isComplete: Bool

  package init(
    nextMessage: UInt64, lastMark: UInt64? = nil, engineStartTime: Double? = nil, isComplete: Bool = true
  ) {
    self.nextMessage = nextMessage
    self.lastMark = lastMark
    self.engineStartTime = engineStartTime
    self.isComplete = isComplete
  }
}
