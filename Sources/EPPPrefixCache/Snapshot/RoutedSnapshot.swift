/// A copy of what was routed to one endpoint, in the order of use, as of one moment.
///
/// A reused snapshot keeps its storage.
package struct RoutedSnapshot: Sendable {
  /// Tokens that the endpoint's cache was assumed to hold.
  package internal(set) var capacityTokens = 0
  /// Blocks that the endpoint is assumed to hold.
  package internal(set) var blockCount = 0

  /// Entries by number, free ones included, as in `RoutedBlocks`.
  var entries: [RoutedBlocks.Entry] = []
  var oldest = RoutedBlocks.none
  var newest = RoutedBlocks.none
  var uses: UInt32 = 0

  /// A snapshot without blocks.
  package init() {}

  /// Reserves room for `count` entries, and a few more, in memory whose pages are already mapped, as in `AnnouncedSnapshot`.
  mutating func reserve(_ count: Int) {
    guard entries.capacity < count else { return }
    let blank = RoutedBlocks.Entry(
      key: BlockKey(rawValue: 0), parent: RoutedBlocks.none, children: RoutedBlocks.free,
      previous: RoutedBlocks.unlinked, next: RoutedBlocks.none, use: 0)
    entries = []
    entries = Array(repeating: blank, count: count + count / 8)
    entries.removeAll(keepingCapacity: true)
  }

  /// Its memory in bytes.
  package var sizeInBytes: Int {
    MemoryLayout<Self>.size + entries.capacity * MemoryLayout<RoutedBlocks.Entry>.stride
  }
}

/// Reads routed blocks: `IndexSnapshotFormat`, kind 3.
extension RoutedSnapshot {
  private typealias Contradiction = SnapshotWordCursor.Contradiction

  /// - Throws: when the payload is incomplete or contradicts itself.
  init(_ bytes: RawSpan, _ words: Range<Int>) throws(SnapshotWordCursor.Contradiction) {
    self.init()
    var cursor = SnapshotWordCursor(words)
    capacityTokens = Int(try cursor.word(bytes) & 0xFFFF_FFFF_FFFF)
    uses = UInt32(truncatingIfNeeded: try cursor.word(bytes))
    let (count, endCount) = try cursor.halves(bytes)
    // All columns are there before anything is allocated for them.
    let keys = try cursor.column(count, of: 8)
    let parents = try cursor.column(count, of: 4)
    let useColumn = try cursor.column(count, of: 4)
    let ends = try cursor.column(endCount, of: 4)
    guard cursor.left == 0, count <= Int(Int32.max) / 2, endCount <= count else { throw Contradiction() }
    blockCount = count
    entries.reserveCapacity(count)
    for number in 0..<count {
      let parent: UInt32 = bytes.element(number, of: parents)
      guard parent <= UInt32(count) else { throw Contradiction() }
      entries.append(
        RoutedBlocks.Entry(
          key: BlockKey(rawValue: bytes.word(keys + number)), parent: Int32(parent) - 1, children: 0,
          previous: RoutedBlocks.unlinked, next: RoutedBlocks.none, use: bytes.element(number, of: useColumn)))
    }
    for position in 0..<endCount { try link(bytes.element(position, of: ends)) }
    for entry in entries where entry.parent >= 0 { entries[Int(entry.parent)].children += 1 }
    // What nothing ended at and nothing is behind would never go.
    guard entries.allSatisfy({ $0.children > 0 || $0.previous != RoutedBlocks.unlinked }), hasNoCycle else {
      throw Contradiction()
    }
  }

  /// Appends a block to the order of use.
  private mutating func link(_ number: UInt32) throws(SnapshotWordCursor.Contradiction) {
    guard number < UInt32(entries.count), entries[Int(number)].previous == RoutedBlocks.unlinked else {
      throw Contradiction()
    }
    entries[Int(number)].previous = newest
    if newest >= 0 { entries[Int(newest)].next = Int32(number) } else { oldest = Int32(number) }
    newest = Int32(number)
  }

  /// Whether every chain of parents ends.
  private var hasNoCycle: Bool {
    // The walk that has come by first, counted from 1.
    var seen = [UInt32](repeating: 0, count: entries.count)
    for first in entries.indices {
      var number = first
      while seen[number] == 0 {
        seen[number] = UInt32(first) + 1
        guard entries[number].parent >= 0 else { break }
        number = Int(entries[number].parent)
        if seen[number] == UInt32(first) + 1 { return false }
      }
    }
    return true
  }
}
