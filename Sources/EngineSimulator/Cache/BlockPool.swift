/// The blocks of a KV cache: their references, their hashes, and the order in which free blocks are evicted.
///
/// A block is free when no request refers to it. A free block keeps its content, and is found by its hash, until it is
/// allocated again; the block that was released first is evicted first. Several blocks may have one hash, as in vLLM: a block
/// that a request has computed is kept even when another block has the content.
package struct BlockPool: Sendable {
  private struct Block: Sendable {
    var references: Int32 = 0
    var hash: BlockHash?
    /// Neighbours in the list of free blocks; -1 at the ends.
    var previous: Int32 = -1
    var next: Int32 = -1
    /// Neighbours among the blocks with the same hash; -1 at the ends.
    var previousCopy: Int32 = -1
    var nextCopy: Int32 = -1
  }

  /// The blocks with one hash, the oldest first.
  private struct Copies: Sendable {
    var first: Int
    var last: Int
  }

  /// A block that was allocated.
  package struct Allocation: Sendable, Equatable {
    /// The block's index in the pool.
    package var block: Int
    /// The hash of the block's former content; nil when it had none.
    package var evicted: BlockHash?
  }

  private var blocks: [Block]
  private var holders: [BlockHash: Copies] = [:]
  /// The head of the list of free blocks, which is allocated next; -1 when the list is empty.
  private var first = -1
  /// The tail of the list of free blocks; -1 when the list is empty.
  private var last = -1

  /// Number of blocks to which no request refers.
  package private(set) var freeCount = 0
  /// Number of blocks that have a hash, including copies.
  package private(set) var cachedCount = 0

  /// Makes a pool of empty blocks.
  ///
  /// - Parameter capacity: Number of blocks; raised to 1.
  package init(capacity: Int) {
    blocks = Array(repeating: Block(), count: max(1, capacity))
    for index in blocks.indices { appendFree(index) }
  }

  /// Number of all blocks.
  package var capacity: Int { blocks.count }

  /// Share of the blocks to which requests refer, 0...1.
  package var usage: Double { Double(capacity - freeCount) / Double(capacity) }

  /// Number of blocks by hash.
  package var residency: [BlockHash: Int] {
    var residency: [BlockHash: Int] = [:]
    for case let hash? in blocks.lazy.map(\.hash) { residency[hash, default: 0] += 1 }
    return residency
  }

  /// Whether a block has a hash.
  package func contains(_ hash: BlockHash) -> Bool { holders[hash] != nil }

  /// Returns the number of leading hashes that blocks have, and how many of the found blocks are free.
  package func match(_ hashes: some Sequence<BlockHash>) -> (found: Int, free: Int) {
    var found = 0
    var free = 0
    for hash in hashes {
      guard let block = holders[hash]?.first else { break }
      found += 1
      if blocks[block].references == 0 { free += 1 }
    }
    return (found, free)
  }

  /// Adds a reference to the oldest block with a hash, and returns its index; nil when there is none.
  package mutating func acquire(_ hash: BlockHash) -> Int? {
    guard let block = holders[hash]?.first else { return nil }
    if blocks[block].references == 0 { removeFree(block) }
    blocks[block].references += 1
    return block
  }

  /// Allocates the free block that was released first, with one reference, and drops its hash; nil when no block is free.
  package mutating func allocate() -> Allocation? {
    guard first >= 0 else { return nil }
    let block = first
    removeFree(block)
    let evicted = forget(block)
    blocks[block].references = 1
    return Allocation(block: block, evicted: evicted)
  }

  /// Sets the hash of a referenced block, so that other requests find it.
  package mutating func name(_ block: Int, _ hash: BlockHash) {
    _ = forget(block)
    blocks[block].hash = hash
    cachedCount += 1
    if let copies = holders[hash] {
      blocks[copies.last].nextCopy = Int32(block)
      blocks[block].previousCopy = Int32(copies.last)
      holders[hash] = Copies(first: copies.first, last: block)
    } else {
      holders[hash] = Copies(first: block, last: block)
    }
  }

  /// Removes one reference from each of a request's blocks, which are given in the order of the sequence.
  ///
  /// Blocks become free from the last to the first, because fewer requests can use the end of a prefix than its beginning. A
  /// block without a hash cannot be found, and is allocated before all others.
  package mutating func release(_ sequence: [Int]) {
    for block in sequence.reversed() {
      blocks[block].references -= 1
      guard blocks[block].references == 0 else { continue }
      if blocks[block].hash == nil { prependFree(block) } else { appendFree(block) }
    }
  }

  /// Drops the hashes of all blocks. Returns false, and changes nothing, while a block is referenced.
  package mutating func reset() -> Bool {
    guard freeCount == capacity else { return false }
    for block in blocks.indices {
      blocks[block].hash = nil
      blocks[block].previousCopy = -1
      blocks[block].nextCopy = -1
    }
    holders.removeAll()
    cachedCount = 0
    return true
  }

  private mutating func forget(_ block: Int) -> BlockHash? {
    guard let hash = blocks[block].hash else { return nil }
    let (previous, next) = (Int(blocks[block].previousCopy), Int(blocks[block].nextCopy))
    if previous >= 0 { blocks[previous].nextCopy = Int32(next) } else { holders[hash]?.first = next }
    if next >= 0 { blocks[next].previousCopy = Int32(previous) } else { holders[hash]?.last = previous }
    if previous < 0, next < 0 { holders[hash] = nil }
    blocks[block].hash = nil
    blocks[block].previousCopy = -1
    blocks[block].nextCopy = -1
    cachedCount -= 1
    return hash
  }
}

extension BlockPool {
  private mutating func appendFree(_ block: Int) {
    blocks[block].previous = Int32(last)
    blocks[block].next = -1
    if last >= 0 { blocks[last].next = Int32(block) } else { first = block }
    last = block
    freeCount += 1
  }

  private mutating func prependFree(_ block: Int) {
    blocks[block].previous = -1
    blocks[block].next = Int32(first)
    if first >= 0 { blocks[first].previous = Int32(block) } else { last = block }
    first = block
    freeCount += 1
  }

  private mutating func removeFree(_ block: Int) {
    let (previous, next) = (Int(blocks[block].previous), Int(blocks[block].next))
    if previous >= 0 { blocks[previous].next = Int32(next) } else { first = next }
    if next >= 0 { blocks[next].previous = Int32(previous) } else { last = previous }
    freeCount -= 1
  }
}
