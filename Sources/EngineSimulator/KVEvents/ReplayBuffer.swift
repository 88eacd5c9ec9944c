/// The batches that were published last, by their numbers.
struct ReplayBuffer: Sendable {
  /// Payloads, a ring: the batch with a number is at the number modulo the count.
  private var payloads: [[UInt8]] = []
  private let capacity: Int
  /// The number of the batch that comes next: how many there were.
  private(set) var nextSequence: UInt64 = 0

  /// A buffer for so many batches, at least 1.
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

  /// Numbers of the batches that are kept, from one on.
  func sequences(from start: UInt64) -> Range<UInt64> {
    let first = max(start, nextSequence - UInt64(payloads.count))
    return first < nextSequence ? first..<nextSequence : nextSequence..<nextSequence
  }

  /// A batch that is kept.
  subscript(sequence: UInt64) -> [UInt8] { payloads[Int(sequence % UInt64(capacity))] }
}
