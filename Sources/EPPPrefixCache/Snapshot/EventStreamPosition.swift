/// How far an engine's event stream has been applied, with marks that identify the engine's process.
package struct EventStreamPosition: Equatable, Sendable {
  /// The sequence number of the next message: all before it are applied or lost.
  package var nextMessage: UInt64
  /// The mark of the message before it (`KVMessageID.mark`), which differs between engines; nil when it is not known.
  package var lastMark: UInt64?
  /// Start of the engine's process in seconds since 1970, from its metrics page; nil when it is not known.
  package var engineStartTime: Double?
  /// Whether no relevant message before it was lost.
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
