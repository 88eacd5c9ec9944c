/// What one engine, or one data-parallel rank of it, has announced, as of one moment: a copy that nothing else changes.
///
/// `PrefixIndex.copyAnnounced` fills one under the writer's lock; all else is done with it outside. One that is used again
/// keeps its storage, so that the copy itself allocates nothing.
package struct AnnouncedSnapshot: Sendable {
  /// The data-parallel rank.
  package internal(set) var rank = 0
  /// How far the engine's stream had been applied; nil when the event thread did not say.
  package internal(set) var position: EventStreamPosition?
  /// Blocks that are known, those included that are gone while blocks behind them may be there.
  package internal(set) var blockCount = 0

  var entries: [AnnouncedBlocks.Entry] = []
  var firstFree: UInt32 = 0
  var state = AnnouncedCache.State()
  var waiting = WaitingStores()
  /// Which tiers have ever been used.
  var tiers: [StorageTier] = []

  /// One without blocks.
  package init() {}

  /// Makes room for so many entries, and a few more, in memory that the system has given already: 24 MB of fresh pages
  /// take 50 ms, and the copy into them is made under a lock.
  mutating func reserve(_ count: Int) {
    guard entries.capacity < count else { return }
    let blank = AnnouncedBlocks.Entry(hash: 0, key: BlockKey(rawValue: 0), parent: 0, copies: 0)
    entries = []
    entries = Array(repeating: blank, count: count + count / 8)
    entries.removeAll(keepingCapacity: true)
  }

  /// The entries, which are gone from here: whoever changes them then needs no copy.
  mutating func takeEntries() -> [AnnouncedBlocks.Entry] {
    var taken: [AnnouncedBlocks.Entry] = []
    swap(&taken, &entries)
    return taken
  }

  /// Bytes that it takes in memory.
  package var sizeInBytes: Int {
    MemoryLayout<Self>.size + entries.capacity * MemoryLayout<AnnouncedBlocks.Entry>.stride + waiting.sizeInBytes
  }
}
