/// The blocks that one endpoint is taken to hold: a set of keys that is always closed under prefixes, because a block is
/// removed only when no block behind it is left. So the depth of a prompt can be found by bisection.
///
/// Flat arrays without tombstones: 32 bytes an entry and 8 of index at most, 2 to 4 probes an operation.
struct EndpointBlocks {
  private struct Entry {
    var key: UInt64
    /// The entry of the block before this one; -1 for the first of a prompt.
    var parent: Int32
    /// Entries whose parent this is.
    var children: Int32
    /// Neighbours in the list of leaves, or the next free entry; -1 at the ends.
    var previous: Int32
    var next: Int32
    /// When a prompt last ended here, in the owner's count of uses.
    var lastUse: UInt64
  }

  static let bytesPerEntry = MemoryLayout<Entry>.stride + 8

  private var entries: [Entry] = []
  /// Open addressing with linear probing: an entry's number, or -1.
  private var index: [Int32]
  private var mask: Int
  private var firstFree: Int32 = -1
  private(set) var count = 0
  /// Leaves from the least to the most recently used.
  private var oldestLeaf: Int32 = -1
  private var newestLeaf: Int32 = -1
  private var uses: UInt64 = 0

  init() {
    index = Array(repeating: -1, count: 64)
    mask = 63
  }

  /// Bytes that the arrays take.
  var sizeInBytes: Int { entries.capacity * MemoryLayout<Entry>.stride + index.capacity * 4 }

  // MARK: - Reading

  /// How many of the keys are held, counted from the first: a gallop and a bisection, exact because the set is closed.
  func depth(_ keys: borrowing [UInt64], _ range: Range<Int>) -> Int {
    guard !range.isEmpty, contains(keys[range.lowerBound]) else { return 0 }
    var held = 1
    var step = 1
    var missing = range.count + 1
    while held < range.count {
      let probe = min(range.count, held + step)
      if contains(keys[range.lowerBound + probe - 1]) {
        held = probe
        step *= 2
      } else {
        missing = probe
        break
      }
    }
    while held + 1 < missing, held < range.count {
      let middle = (held + missing) / 2
      if contains(keys[range.lowerBound + middle - 1]) { held = middle } else { missing = middle }
    }
    return held
  }

  func contains(_ key: UInt64) -> Bool { find(key) >= 0 }

  /// The keys of a prefix, last block first, from the block `key` back to the first.
  func chain(from key: UInt64) -> [UInt64] {
    var result: [UInt64] = []
    var entry = find(key)
    while entry >= 0 {
      result.append(entries[Int(entry)].key)
      entry = entries[Int(entry)].parent
    }
    return result
  }

  // MARK: - Writing

  /// Adds what is missing of a prompt behind its first `depth` blocks, making room first; a prompt that is longer than
  /// the capacity loses its tail. Returns how many blocks are new.
  mutating func insert(_ keys: borrowing [UInt64], _ range: Range<Int>, depth: Int, capacity: Int) -> Int {
    uses += 1
    var parent: Int32 = depth > 0 ? find(keys[range.lowerBound + depth - 1]) : -1
    // The prefix in use is made the newest before room is made, so that it is not what goes.
    if parent >= 0 { touch(parent) }
    let wanted = min(range.count, capacity) - depth
    guard wanted > 0 else { return 0 }
    while count + wanted > capacity, oldestLeaf >= 0, oldestLeaf != parent { removeOldest() }
    let added = min(wanted, capacity - count)
    guard added > 0 else { return 0 }
    for offset in 0..<added {
      parent = append(keys[range.lowerBound + depth + offset], parent: parent)
    }
    linkNewest(parent)
    return added
  }

  /// Removes up to `blocks` blocks from the end of a prefix, back from `key`, as long as nothing stands behind them.
  mutating func removeTail(_ key: UInt64, blocks: Int) {
    var entry = find(key)
    var left = blocks
    while entry >= 0, left > 0, entries[Int(entry)].children == 0 {
      let parent = entries[Int(entry)].parent
      removeLeaf(entry)
      entry = parent
      left -= 1
    }
  }

  /// Removes leaves, least recently used first, until at most `capacity` blocks are left.
  mutating func shrink(to capacity: Int) {
    while count > capacity, oldestLeaf >= 0 { removeOldest() }
  }

  private mutating func removeOldest() { removeLeaf(oldestLeaf) }

  /// A prompt ended at this block.
  private mutating func touch(_ entry: Int32) {
    entries[Int(entry)].lastUse = uses
    guard entries[Int(entry)].children == 0 else { return }
    unlink(entry)
    linkNewest(entry)
  }

  private mutating func append(_ key: UInt64, parent: Int32) -> Int32 {
    if parent >= 0 {
      if entries[Int(parent)].children == 0, isLinked(parent) { unlink(parent) }
      entries[Int(parent)].children += 1
    }
    let entry = Entry(key: key, parent: parent, children: 0, previous: -1, next: -1, lastUse: uses)
    let number: Int32
    if firstFree >= 0 {
      number = firstFree
      firstFree = entries[Int(number)].next
      entries[Int(number)] = entry
    } else {
      number = Int32(entries.count)
      entries.append(entry)
    }
    count += 1
    if count * 2 > index.count { grow() } else { place(number) }
    return number
  }

  private mutating func removeLeaf(_ number: Int32) {
    let entry = entries[Int(number)]
    unlink(number)
    unplace(number)
    count -= 1
    entries[Int(number)].next = firstFree
    firstFree = number
    guard entry.parent >= 0 else { return }
    entries[Int(entry.parent)].children -= 1
    // A block is as recent as the most recent prompt through it: the parent takes over from the child.
    let lastUse = max(entries[Int(entry.parent)].lastUse, entry.lastUse)
    entries[Int(entry.parent)].lastUse = lastUse
    if entries[Int(entry.parent)].children == 0 { linkOldest(entry.parent) }
  }

  // MARK: - List of leaves

  private func isLinked(_ entry: Int32) -> Bool {
    entries[Int(entry)].previous >= 0 || entries[Int(entry)].next >= 0 || oldestLeaf == entry
  }

  private mutating func unlink(_ entry: Int32) {
    guard isLinked(entry) else { return }
    let (previous, next) = (entries[Int(entry)].previous, entries[Int(entry)].next)
    if previous >= 0 { entries[Int(previous)].next = next } else { oldestLeaf = next }
    if next >= 0 { entries[Int(next)].previous = previous } else { newestLeaf = previous }
    entries[Int(entry)].previous = -1
    entries[Int(entry)].next = -1
  }

  private mutating func linkNewest(_ entry: Int32) {
    entries[Int(entry)].previous = newestLeaf
    entries[Int(entry)].next = -1
    if newestLeaf >= 0 { entries[Int(newestLeaf)].next = entry } else { oldestLeaf = entry }
    newestLeaf = entry
  }

  /// How far a block that became a leaf is carried to its place by age; past it the order is only nearly right.
  private static let longestWalk = 16

  /// Puts a block that has just become a leaf among the oldest, behind those that are older than it.
  private mutating func linkOldest(_ entry: Int32) {
    let lastUse = entries[Int(entry)].lastUse
    var after: Int32 = -1
    var candidate = oldestLeaf
    var steps = 0
    while candidate >= 0, steps < Self.longestWalk, entries[Int(candidate)].lastUse < lastUse {
      after = candidate
      candidate = entries[Int(candidate)].next
      steps += 1
    }
    entries[Int(entry)].previous = after
    entries[Int(entry)].next = candidate
    if after >= 0 { entries[Int(after)].next = entry } else { oldestLeaf = entry }
    if candidate >= 0 { entries[Int(candidate)].previous = entry } else { newestLeaf = entry }
  }

  // MARK: - Index

  @inline(__always)
  private func find(_ key: UInt64) -> Int32 {
    var position = Int(truncatingIfNeeded: key) & mask
    while true {
      let number = index[position]
      if number < 0 || entries[Int(number)].key == key { return number }
      position = (position + 1) & mask
    }
  }

  private mutating func place(_ number: Int32) {
    var position = Int(truncatingIfNeeded: entries[Int(number)].key) & mask
    while index[position] >= 0 { position = (position + 1) & mask }
    index[position] = number
  }

  /// Takes an entry out of the index and moves those behind it up, so that no gap breaks a run of probes.
  private mutating func unplace(_ number: Int32) {
    var hole = Int(truncatingIfNeeded: entries[Int(number)].key) & mask
    while index[hole] != number { hole = (hole + 1) & mask }
    var position = hole
    while true {
      position = (position + 1) & mask
      let candidate = index[position]
      if candidate < 0 { break }
      let home = Int(truncatingIfNeeded: entries[Int(candidate)].key) & mask
      // It may move to the hole unless its home lies cyclically behind the hole.
      if (position - home) & mask >= (position - hole) & mask {
        index[hole] = candidate
        hole = position
      }
    }
    index[hole] = -1
  }

  private mutating func grow() {
    index = Array(repeating: -1, count: index.count * 2)
    mask = index.count - 1
    var isFree = Array(repeating: false, count: entries.count)
    var free = firstFree
    while free >= 0 {
      isFree[Int(free)] = true
      free = entries[Int(free)].next
    }
    for number in entries.indices where !isFree[number] { place(Int32(number)) }
  }
}
