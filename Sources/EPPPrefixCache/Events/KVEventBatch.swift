/// The decoded events of one message of an engine. Its storage is reused for the next message.
package struct KVEventBatch: Sendable {
  /// The data-parallel rank of the message; nil when it has none.
  package internal(set) var dataParallelRank: Int?
  /// The events in their order.
  package internal(set) var events: [KVEvent] = []
  /// Hashes of all events: integers unchanged, digests by their last eight bytes, as vLLM converts them to integers.
  package internal(set) var hashes: [UInt64] = []
  /// Tokens of all events.
  package internal(set) var tokens: [UInt32] = []
  /// Events of an unknown type, which were skipped.
  package internal(set) var unknownEvents = 0
  /// Extra keys of all events so far, each of which is an allocated object.
  private var extraKeyCount = 0
  /// The largest number of extra keys of a message. A block has one for its adapter and one for each image in it: enough for
  /// four million tokens with an adapter.
  private static let maximumExtraKeys = 1 << 18

  /// An empty batch.
  package init() {}

  /// Counts extra keys, and blocks that have none.
  ///
  /// - Throws: when there are more than `maximumExtraKeys`.
  mutating func countExtraKeys(_ count: Int, _ cursor: MessagePackCursor) throws(MessagePackError) {
    extraKeyCount += count
    guard extraKeyCount <= Self.maximumExtraKeys else { throw cursor.error(.tooMany) }
  }

  mutating func removeAll() {
    dataParallelRank = nil
    events.removeAll(keepingCapacity: true)
    hashes.removeAll(keepingCapacity: true)
    tokens.removeAll(keepingCapacity: true)
    unknownEvents = 0
    extraKeyCount = 0
  }
}
