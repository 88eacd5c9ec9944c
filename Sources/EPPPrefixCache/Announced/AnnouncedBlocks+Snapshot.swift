/// Copying and restoring: a snapshot holds all entries by number, free ones included, without the hash table.
extension AnnouncedBlocks {
  /// Copies all entries into an array with storage of its own.
  func copyEntries(into copy: inout [Entry]) {
    copy.removeAll(keepingCapacity: true)
    // Not assigned: the next change would then copy them, in the middle of an event.
    copy.append(contentsOf: entries)
  }

  /// Restores blocks from a snapshot. Children are counted again; of each entry only its copies, and whether it is saturated,
  /// are taken over.
  ///
  /// - Returns: nil when the entries contradict each other.
  init?(restoring entries: consuming [Entry], firstFree: UInt32) {
    self.init()
    guard entries.count <= Self.maximumCount else { return nil }
    self.entries = entries
    self.firstFree = firstFree
    guard countChildren(), hasNoCycle, isFreeListWhole, countEntries() else { return nil }
    makePlaces()
  }

  /// Counts the children of all entries.
  ///
  /// - Returns: false when a parent does not exist.
  private mutating func countChildren() -> Bool {
    for number in entries.indices where !entries[number].isFree && !entries[number].isSaturated {
      entries[number].children = 0
    }
    for entry in entries where !entry.isFree && entry.parent > 0 {
      let parent = Int(entry.parent) - 1
      guard parent < entries.count, !entries[parent].isFree else { return false }
      if !entries[parent].isSaturated { entries[parent].children += 1 }
    }
    return true
  }

  /// Whether every chain of parents ends. All parents are known to exist.
  private var hasNoCycle: Bool {
    // The walk that has come by first, counted from 1.
    var seen = [UInt32](repeating: 0, count: entries.count)
    for first in entries.indices where !entries[first].isFree {
      var number = first
      while seen[number] == 0 {
        seen[number] = UInt32(first) + 1
        guard entries[number].parent > 0 else { break }
        number = Int(entries[number].parent) - 1
        if seen[number] == UInt32(first) + 1 { return false }
      }
    }
    return true
  }

  /// Whether the list of free entries contains each of them once.
  private var isFreeListWhole: Bool {
    var left = entries.count(where: \.isFree)
    var next = firstFree
    while next > 0 {
      let number = Int(next) - 1
      guard left > 0, number < entries.count, entries[number].isFree else { return false }
      left -= 1
      next = entries[number].parent
    }
    return left == 0
  }

  /// Counts the entries in use, the leaves and the holes.
  ///
  /// - Returns: false when an entry has neither copies nor children: it would never be removed.
  private mutating func countEntries() -> Bool {
    for (number, entry) in entries.enumerated() where !entry.isFree {
      guard !entry.isEmpty else { return false }
      count += 1
      if entry.children == 0 { leaves.insert(number) }
      if entry.children > 0 { holes.count(entry.copies, 1) }
    }
    return true
  }

  /// Makes a hash table that is three fifths full.
  mutating func makePlaces() {
    (places, usedPlaces) = ([], 0)
    guard count > 0 else { return }
    places = [UInt32](repeating: 0, count: max(32, count * 5 / 3))
    for number in entries.indices where !entries[number].isFree { place(entries[number].hash, number) }
  }
}
