/// The blocks that one endpoint is taken to hold: a set of keys that is always closed under prefixes, because a block
/// goes only when no block behind it is left. So a prompt's depth is contiguous, and can be found by bisection.
///
/// When there is no more room the least recently used blocks go, the tail of a prefix before its head. Flat arrays: 32
/// bytes a block, and 16 for its two places in the hash table.
struct RoutedBlocks {
  struct Entry {
    var key: BlockKey
    /// The entry of the block before this one; `none` for the first of a prompt.
    var parent: Int32
    /// Entries whose parent this is; `free` for an entry that is not in use.
    var children: Int32
    /// Neighbours in the order of use; `unlinked` when the entry is not in it. Free entries are chained by `next`.
    var previous: Int32
    var next: Int32
    /// The latest use that is known to end here, or to have ended at a block behind it that is gone.
    var use: UInt32
  }

  static let none: Int32 = -1
  static let unlinked: Int32 = -2
  static let free: Int32 = -1
  /// Blocks whose places in the hash table are fetched together.
  static let batchBlocks = 32
  /// Bytes of a block when the arrays are full.
  static let bytesPerBlock = MemoryLayout<Entry>.stride + 2 * MemoryLayout<UInt64>.stride

  var entries: [Entry] = []
  /// Open addressing with linear probing; see `RoutedBlocks+Table.swift`.
  var table: [UInt64] = []
  var firstFree = none
  /// Ends of uses, from the one used longest ago; see `RoutedBlocks+Order.swift`.
  var oldest = none
  var newest = none
  var uses: UInt32 = 0

  /// Blocks held.
  var count = 0
  /// Blocks for which there is room in the arrays.
  var allocatedBlocks: Int { entries.count }
  /// Where words go that are read only to have them in the cache.
  var touched: UInt64 = 0
  /// Keys that have gone since somebody last took them: those of evictions and removals.
  var removedKeys: [BlockKey] = []

  /// Bytes that the arrays take.
  var sizeInBytes: Int { Self.sizeInBytes(blocks: allocatedBlocks) }

  static func sizeInBytes(blocks: Int) -> Int { blocks * bytesPerBlock }

  /// All blocks held, in no order.
  var keys: [BlockKey] { entries.filter { $0.children != Self.free }.map(\.key) }

  // MARK: - Reading

  func contains(_ key: BlockKey) -> Bool { find(key) >= 0 }

  /// How many of a prompt's keys are held, counted from the first.
  private func depth(_ keys: borrowing [BlockKey], _ prompt: PrefixQuery.Prompt) -> Int {
    func isHeld(_ depth: Int) -> Bool { contains(keys[prompt.firstKey + depth - 1]) }
    guard count > 0, prompt.blocks > 0, isHeld(1) else { return 0 }
    var low = 1
    var high = prompt.blocks + 1
    var step = 1
    while low + step < high {
      if isHeld(low + step) {
        low += step
        step *= 2
      } else {
        high = low + step
      }
    }
    while low + 1 < high {
      let middle = (low + high) / 2
      if isHeld(middle) { low = middle } else { high = middle }
    }
    return low
  }

  /// The keys of a prefix, first block first, up to the block `key`; empty when it is not held.
  func chain(to key: BlockKey) -> [BlockKey] {
    var result: [BlockKey] = []
    var entry = find(key)
    while entry >= 0 {
      result.append(entries[Int(entry)].key)
      entry = entries[Int(entry)].parent
    }
    return result.reversed()
  }

  // MARK: - Writing

  /// What entering a prompt has changed.
  struct Insertion {
    /// Blocks held, from the first.
    var held: Int
    /// Blocks that were new, up to `held`.
    var added: Int
    var use: UInt32
  }

  /// Enters what is missing of a prompt, and makes room first. A prompt that is longer than the capacity loses its tail.
  ///
  /// - Parameter capacity: at most `allocatedBlocks`.
  mutating func insert(
    _ keys: borrowing [BlockKey], _ prompt: PrefixQuery.Prompt, capacity: Int
  ) -> Insertion {
    uses &+= 1
    let known = depth(keys, prompt)
    let held = max(known, min(prompt.blocks, capacity))
    var parent = known > 0 ? find(keys[prompt.firstKey + known - 1]) : Self.none
    if held > known {
      // Counted before room is made, so that it does not go.
      if parent >= 0 { entries[Int(parent)].children += 1 }
      evict(count + held - known - capacity)
      parent = append(keys, prompt.firstKey + known..<prompt.firstKey + held, parent: parent, use: uses)
    }
    if parent >= 0 { touch(parent, use: uses) }
    return Insertion(held: held, added: held - known, use: uses)
  }

  /// Appends a run of blocks that are not held and for which there is room; the parent has been told of the first already.
  private mutating func append(
    _ keys: borrowing [BlockKey], _ run: Range<Int>, parent: Int32, use: UInt32
  ) -> Int32 {
    var places = takeTable()
    var table = places.mutableSpan
    var (parent, free, seen) = (parent, firstFree, touched)
    var entries = entries.mutableSpan
    var start = run.lowerBound
    while start < run.upperBound {
      let end = min(run.upperBound, start + Self.batchBlocks)
      // All places of the batch are read before one is used, so that their cache misses overlap.
      for position in start..<end { seen ^= table[Self.home(of: keys[position], places: table.count)] }
      for position in start..<end {
        let number = free
        let key = keys[position]
        free = entries[Int(number)].next
        entries[Int(number)] = Entry(
          key: key, parent: parent, children: position + 1 < run.upperBound ? 1 : 0, previous: Self.unlinked,
          next: Self.none, use: use)
        Self.place(key, number, in: &table)
        parent = number
      }
      start = end
    }
    (firstFree, touched) = (free, seen)
    self.table = places
    count += run.count
    return parent
  }

  /// Takes out what the uses that ended at these blocks had entered, as far as no block is behind it and no use in
  /// `others` ended there.
  mutating func release(_ ends: [BlockKey], besides others: Set<BlockKey>) {
    for key in ends {
      var current = find(key)
      while current >= 0, entries[Int(current)].children == 0, !others.contains(entries[Int(current)].key) {
        let parent = entries[Int(current)].parent
        unlink(current)
        discard(current)
        if parent >= 0 { entries[Int(parent)].children -= 1 }
        current = parent
      }
      if current >= 0, entries[Int(current)].children == 0, !isLinked(current) { linkByUse(current) }
    }
  }

  /// Takes back what an insertion entered, from its end, as far as no other use needs it.
  mutating func remove(_ tail: PickRecord.Tail) {
    var current = find(tail.lastKey)
    guard current >= 0, entries[Int(current)].children == 0, entries[Int(current)].use == tail.use, tail.newBlocks > 0
    else { return }
    unlink(current)
    var left = tail.newBlocks
    while true {
      let parent = entries[Int(current)].parent
      discard(current)
      left -= 1
      guard parent >= 0 else { return }
      entries[Int(parent)].children -= 1
      if entries[Int(parent)].children > 0 || isLinked(parent) { return }
      if left == 0 || entries[Int(parent)].use != tail.use {
        linkByUse(parent)
        return
      }
      current = parent
    }
  }
}

extension RoutedBlocks {
  /// Copies everything that it takes to go on from here.
  func copy(into snapshot: inout RoutedSnapshot) {
    snapshot.entries.removeAll(keepingCapacity: true)
    // Not assigned: the next change would then copy them.
    snapshot.entries.append(contentsOf: entries)
    snapshot.blockCount = count
    snapshot.oldest = oldest
    snapshot.newest = newest
    snapshot.uses = uses
  }

  /// Blocks out of a snapshot, with arrays that have room for no more.
  init(restoring snapshot: RoutedSnapshot) {
    entries = snapshot.entries
    count = snapshot.blockCount
    oldest = snapshot.oldest
    newest = snapshot.newest
    uses = snapshot.uses
    reallocate(blocks: count)
  }
}
