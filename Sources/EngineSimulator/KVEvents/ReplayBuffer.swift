/// A ring buffer of the last batches, by their sequence numbers.
struct ReplayBuffer: Sendable {
  /// Payloads: the batch with a number is at the number modulo `capacity`.
  private var payloads: [[UInt8]] = []
  private let capacity: Int
  /// The sequence number of the next batch, which is the number of batches so far.
  private(set) var nextSequence: UInt64 = 0

  /// Makes an empty buffer.
  ///
  /// - Parameter capacity: Batches that are kept; raised to 1.
  init(capacity: Int) { self.capacity = max(1, capacity) }

  /// Adds a batch.
  mutating func append(_ payload: [UInt8]) {
    if payloads.count < capacity {
      payloads.append(payload)
    } else {
      payloads[Int(nextSequence % UInt64(capacity))] = payload
    }
    nextSequence += 1
  }

  /// Returns the sequence numbers of the batches that are kept, from `start` on.
  func sequences(from start: UInt64) -> Range<UInt64> {
    let first = max(start, nextSequence - UInt64(payloads.count))
    return first < nextSequence ? first..<nextSequence : nextSequence..<nextSequence
  }

  /// The payload of a batch that is kept.
  subscript(sequence: UInt64) -> [UInt8] { payloads[Int(sequence % UInt64(capacity))] }
}
