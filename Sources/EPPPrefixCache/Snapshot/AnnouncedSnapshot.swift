/// A copy of what one data-parallel rank of an engine has announced, as of one moment.
///
/// `PrefixIndex.copyAnnounced` fills it under the writer's lock; everything else is done outside of the lock. A reused snapshot
/// keeps its storage, so that the copy itself does not allocate.
package struct AnnouncedSnapshot: Sendable {
  /// The data-parallel rank.
  package internal(set) var rank = 0
  /// How far the engine's stream had been applied; nil when that was not known.
  package internal(set) var position: EventStreamPosition?
  /// Known blocks, those included that are gone while blocks behind them may be there.
  package internal(set) var blockCount = 0

  var entries: [AnnouncedBlocks.Entry] = []
  var firstFree: UInt32 = 0
  var state = AnnouncedCache.State()
  var waiting = WaitingStores()
  /// Tiers that blocks have ever been on.
  var tiers: [StorageTier] = []

  /// A snapshot without blocks.
  package init() {}

  /// Reserves room for `count` entries, and a few more, in memory whose pages are already mapped: 24 MB of new pages take 50
  /// ms, and the copy is made under a lock.
  mutating func reserve(_ count: Int) {
    guard entries.capacity < count else { return }
    let blank = AnnouncedBlocks.Entry(hash: 0, key: BlockKey(rawValue: 0), parent: 0, copies: 0)
    entries = []
    entries = Array(repeating: blank, count: count + count / 8)
    entries.removeAll(keepingCapacity: true)
  }

  /// Moves the entries out, so that changing them makes no copy.
  mutating func takeEntries() -> [AnnouncedBlocks.Entry] {
    var taken: [AnnouncedBlocks.Entry] = []
    swap(&taken, &entries)
    return taken
  }

  /// Its memory in bytes.
  package var sizeInBytes: Int {
    MemoryLayout<Self>.size + entries.capacity * MemoryLayout<AnnouncedBlocks.Entry>.stride + waiting.sizeInBytes
  }
}

/// Reads announced blocks: `IndexSnapshotFormat`, kind 2.
extension AnnouncedSnapshot {
  private typealias Flags = IndexSnapshotFormat.CacheFlags
  private typealias EntryFlags = IndexSnapshotFormat.EntryFlags
  private typealias Contradiction = SnapshotWordCursor.Contradiction

  /// The numbers of elements in a section.
  private struct Sizes {
    var entries: Int
    var used: Int
    var storedParents: Int
  }

  /// - Throws: when the payload is incomplete or contradicts itself.
  init(rank: Int, _ bytes: RawSpan, _ words: Range<Int>) throws(SnapshotWordCursor.Contradiction) {
    self.init()
    self.rank = rank
    var cursor = SnapshotWordCursor(words)
    let flags = Flags(rawValue: try cursor.word(bytes))
    guard flags.isSubset(of: .all) else { throw Contradiction() }
    position = try Self.position(flags, bytes, &cursor)
    let number = Int(Int64(bitPattern: try cursor.word(bytes)))
    let (blockTokens, entryCount) = try cursor.halves(bytes)
    let (used, storedParents) = try cursor.halves(bytes)
    let (firstFree, hand) = try cursor.halves(bytes)
    let (nameBytes, waitingWords) = try cursor.halves(bytes)
    guard hand < max(1, entryCount), !flags.contains(.hasBlockTokens) || blockTokens > 0 else { throw Contradiction() }
    if flags.isSuperset(of: [.hasGroup, .hasBlockTokens]) {
      state.group = CacheGroup(number: flags.contains(.isNumbered) ? number : nil, blockTokens: blockTokens)
    }
    state.hand = hand
    let name = try cursor.bytes(nameBytes, bytes)
    state.lastLoRAName = flags.contains(.hasLoRAName) ? String(decoding: name, as: UTF8.self) : nil
    self.firstFree = UInt32(firstFree)
    for (flag, tier) in [(Flags.usesGPU, StorageTier.gpu), (.usesCPU, .cpu), (.usesStorage, .storage)]
    where flags.contains(flag) {
      tiers.append(tier)
    }
    try readEntries(Sizes(entries: entryCount, used: used, storedParents: storedParents), bytes, &cursor)
    guard cursor.left == waitingWords else { throw Contradiction() }
    waiting = try WaitingStores(bytes, &cursor, group: state.group)
    guard cursor.left == 0 else { throw Contradiction() }
  }

  private static func position(
    _ flags: Flags, _ bytes: RawSpan, _ cursor: inout SnapshotWordCursor
  ) throws(SnapshotWordCursor.Contradiction) -> EventStreamPosition? {
    let nextMessage = try cursor.word(bytes)
    let mark = try cursor.word(bytes)
    let startTime = Double(bitPattern: try cursor.word(bytes))
    guard flags.contains(.hasPosition) else { return nil }
    return EventStreamPosition(
      nextMessage: nextMessage, lastMark: flags.contains(.hasMark) ? mark : nil,
      engineStartTime: flags.contains(.hasStartTime) ? startTime : nil, isComplete: flags.contains(.isComplete))
  }

  private mutating func readEntries(
    _ sizes: Sizes, _ bytes: RawSpan, _ cursor: inout SnapshotWordCursor
  ) throws(SnapshotWordCursor.Contradiction) {
    // All columns are there before anything is allocated for them.
    let flagsColumn = try cursor.column(sizes.entries, of: 2)
    let parents = try cursor.column(sizes.storedParents, of: 4)
    let blocks = try cursor.column(sizes.used, of: 16)
    guard sizes.entries <= AnnouncedBlocks.maximumCount else { throw Contradiction() }
    entries.reserveCapacity(sizes.entries)
    var (parentsRead, used) = (0, 0)
    for number in 0..<sizes.entries {
      let raw: UInt16 = bytes.element(number, of: flagsColumn)
      let flags = EntryFlags(rawValue: raw)
      var parent: UInt32 = 0
      if flags.contains(.follows) {
        parent = UInt32(number)
      } else if !flags.contains(.hasNoParent) {
        guard parentsRead < sizes.storedParents else { throw Contradiction() }
        parent = bytes.element(parentsRead, of: parents)
        parentsRead += 1
      }
      guard parent <= AnnouncedBlocks.maximumCount else { throw Contradiction() }
      guard !flags.contains(.isFree) else {
        entries.append(AnnouncedBlocks.Entry(free: parent))
        continue
      }
      guard used < sizes.used else { throw Contradiction() }
      entries.append(
        AnnouncedBlocks.Entry(
          hash: bytes.word(blocks + 2 * used), key: BlockKey(rawValue: bytes.word(blocks + 2 * used + 1)),
          parent: parent, copies: UInt32(raw & EntryFlags.copies),
          children: flags.contains(.isSaturated) ? AnnouncedBlocks.Entry.maximumChildren : 0))
      used += 1
    }
    guard parentsRead == sizes.storedParents, used == sizes.used else { throw Contradiction() }
    blockCount = used
  }
}
