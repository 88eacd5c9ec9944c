/// Simulated faults of a publisher of KV events.
package struct KVEventFaults: Sendable, Equatable {
  /// Number of next batches that are not sent; they can still be replayed.
  package var dropped = 0
  /// Number of next batches that are sent damaged; a replay sends them undamaged.
  package var garbled = 0
  /// Number of malformed messages that are sent at once.
  package var garbage = 0
  /// Whether nothing is sent and no replay request is answered. Batches are sent after the pause.
  package var isPaused = false

  package init(dropped: Int = 0, garbled: Int = 0, garbage: Int = 0, isPaused: Bool = false) {
    self.dropped = dropped
    self.garbled = garbled
    self.garbage = garbage
    self.isPaused = isPaused
  }

  /// Largest value of `dropped`, `garbled` and `garbage` that the HTTP API accepts.
  static let maximumCount = 100_000
}
