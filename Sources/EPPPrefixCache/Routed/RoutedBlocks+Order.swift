/// The order of use: a doubly linked list of the blocks at which uses ended, by their last use. Every block without children is
/// in it.
///
/// Blocks that only the oldest use needs are evicted first, from its end. That is the least recently used block at every step,
/// with a constant number of changes per block.
extension RoutedBlocks {
  /// Whether an entry is in the list.
  func isLinked(_ entry: Int32) -> Bool { entries[Int(entry)].previous != Self.unlinked }

  /// Makes an entry the end of the latest use.
  mutating func touch(_ entry: Int32, use: UInt32) {
    unlink(entry)
    entries[Int(entry)].use = use
    entries[Int(entry)].previous = newest
    entries[Int(entry)].next = Self.none
    if newest >= 0 { entries[Int(newest)].next = entry } else { oldest = entry }
    newest = entry
  }

  /// Removes an entry from the list, if it is in it.
  mutating func unlink(_ entry: Int32) {
    let (previous, next) = (entries[Int(entry)].previous, entries[Int(entry)].next)
    guard previous != Self.unlinked else { return }
    if previous >= 0 { entries[Int(previous)].next = next } else { oldest = next }
    if next >= 0 { entries[Int(next)].previous = previous } else { newest = previous }
    entries[Int(entry)].previous = Self.unlinked
    entries[Int(entry)].next = Self.none
  }

  private mutating func link(_ entry: Int32, before successor: Int32) {
    let previous = successor >= 0 ? entries[Int(successor)].previous : newest
    entries[Int(entry)].previous = previous
    entries[Int(entry)].next = successor
    if previous >= 0 { entries[Int(previous)].next = entry } else { oldest = entry }
    if successor >= 0 { entries[Int(successor)].previous = entry } else { newest = entry }
  }

  /// Entries that `linkByUse` examines at most.
  private static let longestSearch = 64

  /// Inserts a block that lost its last child without an eviction, near its place by its last use.
  mutating func linkByUse(_ entry: Int32) {
    let use = entries[Int(entry)].use
    var successor = oldest
    var steps = 0
    while successor >= 0, steps < Self.longestSearch, Int32(bitPattern: entries[Int(successor)].use &- use) < 0 {
      successor = entries[Int(successor)].next
      steps += 1
    }
    link(entry, before: successor)
  }

  /// Removes `blocks` blocks, the least recently used first.
  mutating func evict(_ blocks: Int) {
    var left = blocks
    while left > 0, oldest >= 0 {
      let leaf = oldest
      if entries[Int(leaf)].children > 0 {
        // Younger uses go on behind it: it comes back when the last of them is gone.
        unlink(leaf)
      } else {
        left -= removeChain(from: leaf, atMost: left)
      }
    }
  }

  /// Ends the uses up to this one, the oldest first: removes the blocks that no later use needs.
  mutating func endUses(upTo use: UInt32) {
    while oldest >= 0, Int32(bitPattern: entries[Int(oldest)].use &- use) <= 0 {
      let end = oldest
      if entries[Int(end)].children > 0 { unlink(end) } else { _ = removeChain(from: end, atMost: .max) }
    }
  }

  /// Removes the leaf of the oldest use, and the blocks before it that no other use needs.
  ///
  /// - Returns: the number of removed blocks.
  private mutating func removeChain(from leaf: Int32, atMost limit: Int) -> Int {
    let use = entries[Int(leaf)].use
    unlink(leaf)
    var places = takeTable()
    var table = places.mutableSpan
    var (free, seen) = (firstFree, touched)
    var keys = removedKeys
    removedKeys = []
    var entries = entries.mutableSpan
    var current = leaf
    var ahead = leaf
    var removed = 0
    var survivor = Self.none
    while true {
      if removed % Self.batchBlocks == 0 {
        // As in `append`: the cache misses of the next blocks overlap.
        for _ in 0..<Self.batchBlocks where ahead >= 0 {
          seen ^= table[Self.home(of: entries[Int(ahead)].key, places: table.count)]
          ahead = entries[Int(ahead)].parent
        }
      }
      let parent = entries[Int(current)].parent
      Self.unplace(entries[Int(current)].key, current, in: &table)
      keys.append(entries[Int(current)].key)
      entries[Int(current)].children = Self.free
      entries[Int(current)].next = free
      free = current
      removed += 1
      guard parent >= 0 else { break }
      entries[Int(parent)].children -= 1
      // A block is as recent as the latest use through it.
      if Int32(bitPattern: use &- entries[Int(parent)].use) > 0 { entries[Int(parent)].use = use }
      if entries[Int(parent)].children > 0 || entries[Int(parent)].previous != Self.unlinked { break }
      if removed == limit {
        survivor = parent
        break
      }
      current = parent
    }
    (firstFree, touched) = (free, seen)
    self.table = places
    removedKeys = keys
    count -= removed
    if survivor >= 0 { link(survivor, before: oldest) }
    return removed
  }

  /// Frees an entry that is not in the list and has no children.
  mutating func discard(_ entry: Int32) {
    let key = entries[Int(entry)].key
    var table = table.mutableSpan
    Self.unplace(key, entry, in: &table)
    removedKeys.append(key)
    entries[Int(entry)].children = Self.free
    entries[Int(entry)].next = firstFree
    firstFree = entry
    count -= 1
  }
}
