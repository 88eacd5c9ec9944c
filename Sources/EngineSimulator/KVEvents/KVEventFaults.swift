/// What is wrong with a publisher of KV events.
package struct KVEventFaults: Sendable, Equatable {
  /// The next batches that are not sent, though they can be asked for again.
  package var dropped = 0
  /// The next batches that are damaged when they are sent, though they are whole when they are asked for again.
  package var garbled = 0
  /// Messages that are no batches, to be sent at once.
  package var garbage = 0
  /// Whether nothing is sent and no question answered; what was not sent is sent afterwards.
  package var isPaused = false

  package init(dropped: Int = 0, garbled: Int = 0, garbage: Int = 0, isPaused: Bool = false) {
    self.dropped = dropped
    self.garbled = garbled
    self.garbage = garbage
    self.isPaused = isPaused
  }

  /// More batches or messages than this are not asked for at a time.
  static let maximumCount = 100_000
}
