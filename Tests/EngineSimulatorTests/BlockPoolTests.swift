import EPPTestKit
import EngineSimulator
import Testing

@Suite struct BlockPoolTests {
  /// Puts a sequence of named blocks into a pool.
  private func store(_ hashes: [BlockHash], in pool: inout BlockPool) throws -> [Int] {
    try hashes.map { hash in
      let block = try allocate(in: &pool)
      pool.name(block, hash)
      return block
    }
  }

  private func allocate(in pool: inout BlockPool) throws -> Int {
    let allocation = pool.allocate()
    return try #require(allocation).block
  }

  @Test func aReleasedBlockIsFoundUntilItIsGivenOutAnew() throws {
    var pool = BlockPool(capacity: 2)
    let blocks = try store([1, 2], in: &pool)
    #expect(pool.usage == 1)
    pool.release(blocks)
    #expect(pool.usage == 0)
    #expect(pool.match([1, 2, 3] as [BlockHash]) == (found: 2, free: 2))
    _ = pool.allocate()
    _ = pool.allocate()
    #expect(pool.cachedCount == 0)
    let outcome = pool.allocate()
    #expect(outcome == nil)
  }

  @Test func theTailOfAPrefixGoesBeforeItsHead() throws {
    var pool = BlockPool(capacity: 3)
    pool.release(try store([1, 2, 3], in: &pool))
    for gone: BlockHash in [3, 2, 1] {
      #expect(pool.contains(gone))
      let allocation = pool.allocate()
      #expect(allocation?.evicted == gone)
      #expect(!pool.contains(gone))
    }
  }

  @Test func theLeastRecentlyUsedPrefixGoesFirst() throws {
    var pool = BlockPool(capacity: 4)
    let first = try store([1, 2], in: &pool)
    let second = try store([11, 12], in: &pool)
    pool.release(first)
    pool.release(second)
    let hashes: [BlockHash] = [1, 2]
    let again = hashes.compactMap { pool.acquire($0) }
    #expect(again == first)
    pool.release(again)
    _ = pool.allocate()
    _ = pool.allocate()
    #expect(pool.contains(1) && pool.contains(2))
    #expect(!pool.contains(11) && !pool.contains(12))
  }

  @Test func aReferencedBlockIsNeverGivenOut() throws {
    var pool = BlockPool(capacity: 3)
    let held = try store([1], in: &pool)
    let found = pool.acquire(1)
    let shared = try #require(found)
    #expect([shared] == held)
    pool.release(held)
    #expect(pool.freeCount == 2)
    _ = pool.allocate()
    _ = pool.allocate()
    let none = pool.allocate()
    #expect(none == nil)
    #expect(pool.contains(1))
    pool.release([shared])
    let outcome = pool.allocate()?.block
    #expect(outcome == shared)
  }

  @Test func aBlockWithoutContentGoesBeforeAllOthers() throws {
    var pool = BlockPool(capacity: 2)
    let named = try store([1], in: &pool)
    let unnamed = try allocate(in: &pool)
    pool.release(named)
    pool.release([unnamed])
    let outcome = pool.allocate()?.block
    #expect(outcome == unnamed)
    #expect(pool.contains(1))
  }

  @Test func contentThatIsComputedAgainIsHeldTwiceAndFoundUntilBothAreGone() throws {
    var pool = BlockPool(capacity: 3)
    pool.release(try store([1], in: &pool))
    pool.release(try store([2], in: &pool))
    let again = try allocate(in: &pool)
    pool.name(again, 1)
    #expect(pool.residency == [1: 2, 2: 1])
    #expect(pool.cachedCount == 3)
    pool.release([again])
    var allocation = pool.allocate()
    #expect(allocation?.evicted == 1)
    #expect(pool.contains(1) && pool.contains(2))
    allocation = pool.allocate()
    #expect(allocation?.evicted == 2)
    #expect(pool.contains(1) && !pool.contains(2))
    allocation = pool.allocate()
    #expect(allocation?.evicted == 1)
    #expect(pool.residency.isEmpty && pool.cachedCount == 0)
  }

  @Test func theOldestOfSeveralCopiesIsUsed() throws {
    var pool = BlockPool(capacity: 4)
    let held = try store([1], in: &pool)
    let copies = try store([1, 1], in: &pool)
    pool.release(copies)
    var found = pool.acquire(1)
    #expect(found == held.first)
    pool.release(held)
    pool.release(held)
    // Released in the order last copy, first copy, oldest; an empty block goes before all of them.
    let evicted = (0..<3).map { _ in pool.allocate() }
    #expect(evicted.map { $0?.evicted } == [nil, 1, 1])
    found = pool.acquire(1)
    #expect(found == held.first)
  }

  @Test func resetForgetsEverythingUnlessABlockIsInUse() throws {
    var pool = BlockPool(capacity: 3)
    let held = try store([1, 2], in: &pool)
    let early = pool.reset()
    #expect(!early)
    #expect(pool.contains(1))
    pool.release(held)
    let late = pool.reset()
    #expect(late)
    #expect(!pool.contains(1) && !pool.contains(2))
    #expect(pool.freeCount == 3)
  }

  @Test func aLongRandomRunAgreesWithAPlainModel() throws {
    var pool = BlockPool(capacity: 24)
    var model = PlainPool(free: Array(repeating: nil, count: 24))
    var generator = SeededGenerator(seed: 7)
    var held: [(blocks: [Int], hashes: [BlockHash])] = []
    for _ in 0..<1500 {
      if held.count < 4, Bool.random(using: &generator) {
        let base = UInt64.random(in: 0..<8, using: &generator) * 100
        let hashes = (0..<UInt64.random(in: 1...9, using: &generator)).map { BlockHash(number: base + $0) }
        let match = pool.match(hashes)
        #expect(match.found == hashes.prefix { model.contains($0) }.count)
        guard hashes.count - match.found <= pool.freeCount - match.free else { continue }
        var blocks = hashes.prefix(match.found).compactMap { pool.acquire($0) }
        for hash in hashes.prefix(match.found) { model.acquire(hash) }
        for hash in hashes.dropFirst(match.found) {
          let block = try allocate(in: &pool)
          pool.name(block, hash)
          model.allocate(hash)
          blocks.append(block)
        }
        held.append((blocks, hashes))
      } else if !held.isEmpty {
        let ended = held.remove(at: Int.random(in: held.indices, using: &generator))
        pool.release(ended.blocks)
        model.release(ended.hashes)
      }
      #expect(pool.freeCount == model.free.count)
      for hash in (0..<8).flatMap({ base in (0..<9).map { BlockHash(number: UInt64(base * 100 + $0)) } })
      where pool.contains(hash) != model.contains(hash) {
        Issue.record("hash \(hash): pool \(pool.contains(hash)), model \(model.contains(hash))")
      }
    }
  }
}

/// What a pool does, in the plainest way.
private struct PlainPool {
  /// Content of the free blocks, the next to go first.
  var free: [BlockHash?]
  var references: [BlockHash: Int] = [:]

  func contains(_ hash: BlockHash) -> Bool { references[hash] != nil || free.contains(hash) }

  mutating func acquire(_ hash: BlockHash) {
    free.removeAll { $0 == hash }
    references[hash, default: 0] += 1
  }

  mutating func allocate(_ hash: BlockHash) {
    free.removeFirst()
    references[hash] = 1
  }

  mutating func release(_ hashes: [BlockHash]) {
    for hash in hashes.reversed() {
      let left = (references[hash] ?? 0) - 1
      references[hash] = left > 0 ? left : nil
      if left == 0 { free.append(hash) }
    }
  }
}
