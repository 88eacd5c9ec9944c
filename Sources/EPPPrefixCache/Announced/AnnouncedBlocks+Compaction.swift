extension AnnouncedBlocks {
  /// Fewer entries are not worth the work.
  private static let leastEntries = 4096

  /// Gives back the memory of entries that are not in use, when these are most of them: all others get new numbers. About
  /// 30 ns an entry.
  ///
  /// - Returns: whether it did.
  mutating func compact() -> Bool {
    guard entries.count > Self.leastEntries, count < entries.count / 2 else { return false }
    // The new numbers plus 1.
    var numbers = [UInt32](repeating: 0, count: entries.count)
    var next: UInt32 = 0
    for number in entries.indices where !entries[number].isFree {
      next += 1
      numbers[number] = next
    }
    var kept: [Entry] = []
    kept.reserveCapacity(count + count / 5)
    leaves = LeafSet()
    for var entry in entries where !entry.isFree {
      if entry.parent > 0 { entry.parent = numbers[Int(entry.parent) - 1] }
      if entry.children == 0 { leaves.insert(kept.count) }
      kept.append(entry)
    }
    entries = kept
    firstFree = 0
    makePlaces()
    return true
  }
}
