/// The entries as a snapshot keeps them: all of them by number, free ones included, without the hash table.
extension AnnouncedBlocks {
  /// Copies all entries to an array that shares nothing with these.
  func copyEntries(into copy: inout [Entry]) {
    copy.removeAll(keepingCapacity: true)
    // Not assigned: the next change would then copy them, in the middle of an event.
    copy.append(contentsOf: entries)
  }

  /// Blocks out of a snapshot. Children are counted anew; of `counts` only copies matter, and whether an entry is free or
  /// has had more children than are counted.
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

  /// - Returns: false when a parent is not there.
  private mutating func countChildren() -> Bool {
    for number in entries.indices where entries[number].counts != Self.free {
      let counts = entries[number].counts
      let isSaturated = counts >> Self.childrenShift >= Self.maximumChildren
      entries[number].counts = counts & Self.copyMask | (isSaturated ? Self.maximumChildren << Self.childrenShift : 0)
    }
    for entry in entries where entry.counts != Self.free && entry.parent > 0 {
      let parent = Int(entry.parent) - 1
      guard parent < entries.count, entries[parent].counts != Self.free else { return false }
      if entries[parent].counts >> Self.childrenShift < Self.maximumChildren {
        entries[parent].counts += 1 << Self.childrenShift
      }
    }
    return true
  }

  /// Whether every chain of parents, which are known to be there, ends.
  private var hasNoCycle: Bool {
    // The walk that has come by first, counted from 1.
    var seen = [UInt32](repeating: 0, count: entries.count)
    for first in entries.indices where entries[first].counts != Self.free {
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

  /// Whether the list of free entries leads through every one of them once.
  private var isFreeListWhole: Bool {
    var left = entries.count { $0.counts == Self.free }
    var next = firstFree
    while next > 0 {
      let number = Int(next) - 1
      guard left > 0, number < entries.count, entries[number].counts == Self.free else { return false }
      left -= 1
      next = entries[number].parent
    }
    return left == 0
  }

  /// - Returns: false when there is an entry that has neither copies nor children: it would never go.
  private mutating func countEntries() -> Bool {
    for entry in entries where entry.counts != Self.free {
      guard entry.counts != 0 else { return false }
      count += 1
      if entry.counts & Self.gpuMask == 0, entry.counts >> Self.childrenShift > 0 { ghosts += 1 }
    }
    return true
  }

  /// A hash table that is three fifths full.
  private mutating func makePlaces() {
    guard count > 0 else { return }
    places = [UInt32](repeating: 0, count: max(32, count * 5 / 3))
    for number in entries.indices where entries[number].counts != Self.free { place(entries[number].hash, number) }
  }
}
