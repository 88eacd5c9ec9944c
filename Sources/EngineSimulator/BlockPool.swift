/// The blocks of a KV cache: which are referenced, which hold a known prefix, and in which order the others go.
///
/// A block is free when no request refers to it. A free block keeps its content, and its hash finds it, until it is
/// given out anew; the one that was released longest ago goes first.
package struct BlockPool: Sendable {
  private struct Block: Sendable {
    var references = 0
    var hash: UInt64?
    /// Neighbours in the list of free blocks; -1 at the ends.
    var previous = -1
    var next = -1
  }

  private var blocks: [Block]
  private var blockOfHash: [UInt64: Int] = [:]
  /// The ends of the list of free blocks: the first is given out next.
  private var first = -1
  private var last = -1

  /// Blocks that no request refers to.
  package private(set) var freeCount = 0

  /// A pool of empty blocks; `capacity` is at least 1.
  package init(capacity: Int) {
    blocks = Array(repeating: Block(), count: max(1, capacity))
    for index in blocks.indices { appendFree(index) }
  }

  /// Blocks in all.
  package var capacity: Int { blocks.count }

  /// The share of blocks that requests refer to, 0...1.
  package var usage: Double { Double(capacity - freeCount) / Double(capacity) }

  /// Blocks that a hash finds.
  package var cachedCount: Int { blockOfHash.count }

  /// Whether a hash finds a block.
  package func contains(_ hash: UInt64) -> Bool { blockOfHash[hash] != nil }

  /// How many of these hashes, from the first on, find a block; and how many of those blocks are free.
  package func match(_ hashes: some Sequence<UInt64>) -> (found: Int, free: Int) {
    var found = 0
    var free = 0
    for hash in hashes {
      guard let block = blockOfHash[hash] else { break }
      found += 1
      if blocks[block].references == 0 { free += 1 }
    }
    return (found, free)
  }

  /// Refers to the block with this hash; nil when there is none.
  package mutating func acquire(_ hash: UInt64) -> Int? {
    guard let block = blockOfHash[hash] else { return nil }
    if blocks[block].references == 0 { removeFree(block) }
    blocks[block].references += 1
    return block
  }

  /// Gives out an empty block, forgetting the content of the one that was released longest ago; nil when all blocks
  /// are referenced.
  package mutating func allocate() -> Int? {
    guard first >= 0 else { return nil }
    let block = first
    removeFree(block)
    forget(block)
    blocks[block].references = 1
    return block
  }

  /// Lets later requests find a referenced block by the hash of its content.
  ///
  /// When a free block has the same content (a prompt that is cached whole computes its last block again), the new block
  /// takes its place, so that the content counts as just used.
  package mutating func name(_ block: Int, _ hash: UInt64) {
    if let holder = blockOfHash[hash] {
      guard holder != block, blocks[holder].references == 0 else { return }
      forget(holder)
      removeFree(holder)
      prependFree(holder)
    }
    forget(block)
    blocks[block].hash = hash
    blockOfHash[hash] = block
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
    for block in blocks.indices { blocks[block].hash = nil }
    blockOfHash.removeAll()
    return true
  }

  private mutating func forget(_ block: Int) {
    guard let hash = blocks[block].hash else { return }
    blocks[block].hash = nil
    blockOfHash[hash] = nil
  }
}

extension BlockPool {
  private mutating func appendFree(_ block: Int) {
    blocks[block].previous = last
    blocks[block].next = -1
    if last >= 0 { blocks[last].next = block } else { first = block }
    last = block
    freeCount += 1
  }

  private mutating func prependFree(_ block: Int) {
    blocks[block].previous = -1
    blocks[block].next = first
    if first >= 0 { blocks[first].previous = block } else { last = block }
    first = block
    freeCount += 1
  }

  private mutating func removeFree(_ block: Int) {
    let (previous, next) = (blocks[block].previous, blocks[block].next)
    if previous >= 0 { blocks[previous].next = next } else { first = next }
    if next >= 0 { blocks[next].previous = previous } else { last = previous }
    freeCount -= 1
  }
}
