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
  /// Blocks that one call enters at most: what bounds the time for which its lock is held, to about 10 µs.
  static let chunkBlocks = 256
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

  /// Ends the uses up to this one, the oldest first: what no later use needs goes.
  mutating func endUses(upTo use: UInt32) {
    while oldest >= 0, Int32(bitPattern: entries[Int(oldest)].use &- use) <= 0 {
      let before = count
      evict(1)
      if count == before, oldest < 0 { return }
    }
  }

  /// The number of the latest use.
  var latestUse: UInt32 { uses }

  // MARK: - Reading

  func contains(_ key: BlockKey) -> Bool { find(key) >= 0 }

  /// How many of a prompt's keys are held, counted from the first.
  ///
  /// - Parameters:
  ///   - made: how many of the prompt's keys there are; more is not looked for.
  ///   - held: so many are known to be held.
  ///   - hint: a likely answer: it costs two look-ups when it is right.
  func depth(_ keys: borrowing [BlockKey], _ prompt: PrefixQuery.Prompt, made: Int, held: Int = 0, hint: Int = 0) -> Int
  {
    func isHeld(_ depth: Int) -> Bool { contains(keys[prompt.firstKey + depth - 1]) }
    var low = held
    var high = made + 1
    guard count > 0, low < made else { return low }
    if hint > low, hint <= made {
      if isHeld(hint) {
        low = hint
        if hint == made || !isHeld(hint + 1) { return hint }
        low = hint + 1
      } else {
        high = hint
      }
    }
    if low == 0 {
      guard high > 1, isHeld(1) else { return 0 }
      low = 1
    }
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

  /// How far a prompt has been entered.
  struct Insertion {
    /// Blocks held, from the first.
    var held = 0
    /// Blocks that were new, up to `held`.
    var added = 0
    var use: UInt32?
    var isDone = false
  }

  /// Enters what is missing of a prompt, up to `chunkBlocks` blocks of it, and makes room first. Call it until the
  /// insertion is done. A prompt that is longer than the capacity loses its tail.
  ///
  /// - Parameter capacity: at most `allocatedBlocks`.
  mutating func insert(
    _ keys: borrowing [BlockKey], _ prompt: PrefixQuery.Prompt, _ insertion: inout Insertion, capacity: Int
  ) {
    let use = insertion.use ?? uses &+ 1
    if insertion.use == nil {
      uses = use
      insertion.use = use
    }
    var parent = insertion.held > 0 ? find(keys[prompt.firstKey + insertion.held - 1]) : Self.none
    if parent < 0 {
      // The beginning, or another thread's prompt has pushed out what this one had entered.
      insertion.held = depth(keys, prompt, made: prompt.blocks)
      insertion.added = 0
      if insertion.held > 0 { parent = find(keys[prompt.firstKey + insertion.held - 1]) }
    }
    let goal = min(prompt.blocks, capacity)
    let end = min(goal, insertion.held + Self.chunkBlocks)
    insertion.isDone = end >= goal
    if end > insertion.held {
      if parent >= 0 {
        // Where the last call stopped is no end of a use any more.
        if insertion.added > 0, entries[Int(parent)].use == use { unlink(parent) }
        // Counted before room is made, so that it does not go.
        entries[Int(parent)].children += 1
      }
      evict(count + end - insertion.held - capacity)
      parent = append(keys, prompt.firstKey + insertion.held..<prompt.firstKey + end, parent: parent, use: use)
      insertion.added += end - insertion.held
      insertion.held = end
    }
    if parent >= 0 { touch(parent, use: use) }
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
