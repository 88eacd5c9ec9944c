import EPPCore
import Testing

@testable import EPPPrefixCache

/// Blocks whose parents are announced later than they are, or never.
@Suite struct LateJoinTests {
  private let slot = EndpointSlot(index: 7, generation: 2)

  /// One that is announced alone, as engines do with what they generate: block `number` is the token `number`.
  private func store(_ number: UInt32, behind parent: UInt32?, in batch: inout KVEventBatch) {
    batch.events.append(
      .stored(
        BlocksStored(
          hashes: batch.hashes.count..<batch.hashes.count + 1, parent: parent.map { UInt64($0) },
          tokens: batch.tokens.count..<batch.tokens.count + 1, blockTokens: 1, tier: .gpu, loRAName: nil, extraKeys: [],
          group: nil, cacheKind: .wholePrefix)))
    batch.hashes.append(UInt64(number))
    batch.tokens.append(number)
  }

  private func remove(_ number: UInt32, in batch: inout KVEventBatch) {
    batch.events.append(
      .removed(
        BlocksRemoved(hashes: batch.hashes.count..<batch.hashes.count + 1, tier: .gpu, group: nil)))
    batch.hashes.append(UInt64(number))
  }

  private func depth(_ tokens: [UInt32], _ index: PrefixIndex) -> Int {
    var match = PrefixMatch()
    var query = tokenQuery(tokens, blockTokens: 1)
    index.match(&query, into: &match)
    return match.matchedBlocks(slot)
  }

  @Test func manyBlocksThatWaitForOneAnotherAreEntered() {
    let index = PrefixIndex()
    let last = UInt32(WaitingStores.maximumBlocks)
    var late = KVEventBatch()
    for number in 1...last { store(number, behind: number - 1, in: &late) }
    #expect(index.apply(late, from: slot).orphaned == Int(last))
    #expect(index.waitingBlocks(of: slot, rank: 0) == Int(last))
    var first = KVEventBatch()
    store(0, behind: nil, in: &first)
    #expect(index.apply(first, from: slot).stored == Int(last) + 1)
    #expect(index.waitingBlocks(of: slot, rank: 0) == 0)
    #expect(depth(Array(0...last), index) == Int(last) + 1)
  }

  @Test func whatIsRemovedWhileItWaitsDoesNotCome() {
    let index = PrefixIndex()
    var batch = KVEventBatch()
    for number in 1...8 as ClosedRange<UInt32> { store(number, behind: number - 1, in: &batch) }
    remove(5, in: &batch)
    // Never heard of.
    remove(99, in: &batch)
    #expect(index.apply(batch, from: slot).unknown == 1)
    #expect(index.waitingBlocks(of: slot, rank: 0) == 7)
    var first = KVEventBatch()
    store(0, behind: nil, in: &first)
    index.apply(first, from: slot)
    #expect(depth(Array(0...8), index) == 5)
    // Those behind the one that has gone still wait for it.
    #expect(index.waitingBlocks(of: slot, rank: 0) == 3)
  }

  @Test func theOldestGoWhenTooManyWait() {
    let index = PrefixIndex()
    // Each waits for a parent of its own; those of the odd ones come, and are missed again.
    var batch = KVEventBatch()
    let count = UInt32(WaitingStores.maximumBlocks)
    for number in 0..<count { store(3 * number + 1, behind: 3 * number, in: &batch) }
    for number in stride(from: 1, to: count, by: 2) { store(3 * number, behind: nil, in: &batch) }
    index.apply(batch, from: slot)
    #expect(index.waitingBlocks(of: slot, rank: 0) == Int(count) / 2)
    var more = KVEventBatch()
    for number in count..<2 * count { store(3 * number + 1, behind: 3 * number, in: &more) }
    index.apply(more, from: slot)
    #expect(index.waitingBlocks(of: slot, rank: 0) == Int(count))
    var parents = KVEventBatch()
    for number in 0..<2 * count { store(3 * number, behind: nil, in: &parents) }
    index.apply(parents, from: slot)
    #expect(depth([0, 1], index) == 1)
    #expect(depth([3, 4], index) == 2)
    #expect(depth([3 * count, 3 * count + 1], index) == 2)
    #expect(index.waitingBlocks(of: slot, rank: 0) == 0)
  }

  @Test func ranksShareTheMemoryOfTheirEndpoint() {
    var limits = PrefixIndex.Limits()
    limits.maximumBytes = 1 << 20
    let index = PrefixIndex(limits: limits)
    func fill(_ rank: Int, from first: UInt32) {
      var batch = KVEventBatch()
      for number in first..<first + 12_000 { store(number, behind: nil, in: &batch) }
      index.apply(batch, from: slot, rank: rank)
    }
    fill(0, from: 0)
    let alone = index.pairCount
    #expect(alone < 12_000)
    for rank in 0..<8 { fill(rank, from: 20_000 * UInt32(rank + 1)) }
    // The first ones have had more than their part since before the others came.
    for rank in 0..<8 { fill(rank, from: 200_000 + 20_000 * UInt32(rank)) }
    #expect(index.pairCount <= alone)
  }
}
