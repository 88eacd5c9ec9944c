/// All that one message of an engine says, in storage that is used again for the next one.
package struct KVEventBatch: Sendable {
  /// Seconds since 1970 by the engine's clock.
  package internal(set) var timestamp = 0.0
  package internal(set) var dataParallelRank: Int?
  package internal(set) var events: [KVEvent] = []
  /// Hashes of all events: integers as they are, digests by their last eight bytes, as vLLM makes integers of them.
  package internal(set) var hashes: [UInt64] = []
  /// Tokens of all events.
  package internal(set) var tokens: [UInt32] = []
  /// Events of a type that this version does not know: passed over.
  package internal(set) var unknownEvents = 0

  package init() {}

  mutating func removeAll() {
    timestamp = 0
    dataParallelRank = nil
    events.removeAll(keepingCapacity: true)
    hashes.removeAll(keepingCapacity: true)
    tokens.removeAll(keepingCapacity: true)
    unknownEvents = 0
  }
}
