/// All that one message of an engine says, in storage that is used again for the next one.
package struct KVEventBatch: Sendable {
  /// The rank that the message is of, if it says so.
  package internal(set) var dataParallelRank: Int?
  /// In the order in which they took place.
  package internal(set) var events: [KVEvent] = []
  /// Hashes of all events: integers as they are, digests by their last eight bytes, as vLLM makes integers of them.
  package internal(set) var hashes: [UInt64] = []
  /// Tokens of all events.
  package internal(set) var tokens: [UInt32] = []
  /// Events of a type that this version does not know: passed over.
  package internal(set) var unknownEvents = 0
  /// Extra keys of all events, each of which is an object of its own in memory.
  private var extraKeyCount = 0
  /// A block has one for its adapter and one for each image in it: those of four million tokens of adapters.
  private static let maximumExtraKeys = 1 << 18

  package init() {}

  /// - Throws: when there are more of them, and of blocks that have none, than are kept.
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
