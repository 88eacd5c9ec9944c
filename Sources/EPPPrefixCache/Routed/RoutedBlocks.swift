/// The blocks that one endpoint is assumed to hold. The set of keys is always closed under prefixes, because a block is removed
/// only after all blocks behind it. So a prompt's depth is contiguous, and can be found by bisection.
///
/// When there is no more room the least recently used blocks are removed, the tail of a prefix before its head. Flat arrays: 32
/// bytes a block, and 16 for its two places in the hash table.
struct RoutedBlocks {
  struct Entry {
    var key: BlockKey
    /// The number of the entry before it; `none` for the first block of a prompt.
    var parent: Int32
    /// The number of entries whose parent this is; `free` for an entry that is not in use.
    var children: Int32
    /// The entry before it in the order of use; `none` at the end, `unlinked` when the entry is not in the list.
    var previous: Int32
    /// The entry after it in the order of use; `none` at the end. In a free entry: the next free one.
    var next: Int32
    /// The latest use known to end at this block, or at a removed block behind it.
    var use: UInt32
  }

  /// No entry.
  static let none: Int32 = -1
  /// The value of `previous` in an entry that is not in the list.
  static let unlinked: Int32 = -2
  /// The value of `children` in a free entry.
  static let free: Int32 = -1
  /// Blocks whose places in the hash table are prefetched together.
  static let batchBlocks = 32
  /// The memory of a block when the arrays are full, in bytes.
  static let bytesPerBlock = MemoryLayout<Entry>.stride + 2 * MemoryLayout<UInt64>.stride

  var entries: [Entry] = []
  /// The hash table, with open addressing and linear probing; see `RoutedBlocks+Table.swift`.
  var table: [UInt64] = []
  var firstFree = none
  /// The end of the use that is longest ago; see `RoutedBlocks+Order.swift`.
  var oldest = none
  /// The end of the latest use.
  var newest = none
  /// The number of the latest use; wraps around.
  var uses: UInt32 = 0

  /// Blocks held.
  var count = 0
  /// Blocks for which the arrays have room.
  var allocatedBlocks: Int { entries.count }
  /// Accumulates words that are read only to bring them into the cache.
  var touched: UInt64 = 0
  /// Keys removed by evictions and removals; the caller takes them from here.
  var removedKeys: [BlockKey] = []

  /// The memory of the arrays in bytes.
  var sizeInBytes: Int { Self.sizeInBytes(blocks: allocatedBlocks) }

  /// The memory of arrays for `blocks` blocks, in bytes.
  static func sizeInBytes(blocks: Int) -> Int { blocks * bytesPerBlock }

  /// The keys of all blocks, unordered.
  var keys: [BlockKey] { entries.filter { $0.children != Self.free }.map(\.key) }

  // MARK: - Reading

  /// Whether a block is held.
  func contains(_ key: BlockKey) -> Bool { find(key) >= 0 }

  /// The number of a prompt's keys that are held, counted from the first.
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

  /// The result of adding a prompt.
  struct Insertion {
    /// Blocks of the prompt that are held, from the first.
    var held: Int
    /// Blocks of the prompt that were added.
    var added: Int
    var use: UInt32
  }

  /// Adds the missing blocks of a prompt, and makes room first. A prompt that is longer than the capacity loses its tail.
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

  /// Appends a run of blocks that are not held and for which there is room; the first one is already counted as the parent's
  /// child.
  ///
  /// - Returns: the entry of the last block.
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

  /// Removes the blocks of the uses that ended at these blocks, as far as no block is behind them and no use in `others` ended
  /// there.
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

  /// Removes what an insertion added, from its end, as far as no other use needs it.
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
  /// Copies everything that is needed to continue from here.
  func copy(into snapshot: inout RoutedSnapshot) {
    snapshot.entries.removeAll(keepingCapacity: true)
    // Not assigned: the next change would then copy them.
    snapshot.entries.append(contentsOf: entries)
    snapshot.blockCount = count
    snapshot.oldest = oldest
    snapshot.newest = newest
    snapshot.uses = uses
  }

  /// Restores blocks from a snapshot, with arrays without spare room.
  init(restoring snapshot: RoutedSnapshot) {
    entries = snapshot.entries
    count = snapshot.blockCount
    oldest = snapshot.oldest
    newest = snapshot.newest
    uses = snapshot.uses
    reallocate(blocks: count)
  }
}
