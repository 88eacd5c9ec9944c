/// The blocks of a KV cache: which are referenced, which hold a known prefix, and in which order the others go.
///
/// A block is free when no request refers to it. A free block keeps its content, and its hash finds it, until it is
/// given out anew; the one that was released longest ago goes first. Several blocks may have the same content, as in
/// vLLM: what a request computed stays where it is, even when the same is there already.
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

  /// A block that was given out.
  package struct Allocation: Sendable, Equatable {
    package var block: Int
    /// What it held before.
    package var evicted: BlockHash?
  }

  private var blocks: [Block]
  private var holders: [BlockHash: Copies] = [:]
  /// The ends of the list of free blocks: the first is given out next.
  private var first = -1
  private var last = -1

  /// Blocks that no request refers to.
  package private(set) var freeCount = 0
  /// Blocks that a hash finds, copies counted.
  package private(set) var cachedCount = 0

  /// A pool of empty blocks; `capacity` is at least 1.
  package init(capacity: Int) {
    blocks = Array(repeating: Block(), count: max(1, capacity))
    for index in blocks.indices { appendFree(index) }
  }

  /// Blocks in all.
  package var capacity: Int { blocks.count }

  /// The share of blocks that requests refer to, 0...1.
  package var usage: Double { Double(capacity - freeCount) / Double(capacity) }

  /// Hashes that find a block, with the number of blocks that have them.
  package var residency: [BlockHash: Int] {
    var residency: [BlockHash: Int] = [:]
    for case let hash? in blocks.lazy.map(\.hash) { residency[hash, default: 0] += 1 }
    return residency
  }

  /// Whether a hash finds a block.
  package func contains(_ hash: BlockHash) -> Bool { holders[hash] != nil }

  /// How many of these hashes, from the first on, find a block; and how many of those blocks are free.
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

  /// Refers to the block with this hash, the oldest one of several; nil when there is none.
  package mutating func acquire(_ hash: BlockHash) -> Int? {
    guard let block = holders[hash]?.first else { return nil }
    if blocks[block].references == 0 { removeFree(block) }
    blocks[block].references += 1
    return block
  }

  /// Gives out a block, forgetting the content of the one that was released longest ago; nil when all blocks are
  /// referenced.
  package mutating func allocate() -> Allocation? {
    guard first >= 0 else { return nil }
    let block = first
    removeFree(block)
    let evicted = forget(block)
    blocks[block].references = 1
    return Allocation(block: block, evicted: evicted)
  }

  /// Lets later requests find a referenced block, which has no name yet, by the hash of its content.
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

  /// Ends one reference to each of a request's blocks, given in the order of the sequence.
  ///
  /// The blocks become free from the last to the first: the tail of a prefix, which is of use to fewer requests, goes
  /// before its head. A block without a hash is of no use and goes before all others.
  package mutating func release(_ sequence: [Int]) {
    for block in sequence.reversed() {
      blocks[block].references -= 1
      guard blocks[block].references == 0 else { continue }
      if blocks[block].hash == nil { prependFree(block) } else { appendFree(block) }
    }
  }

  /// Forgets all content. Fails, and does nothing, while a block is referenced.
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
