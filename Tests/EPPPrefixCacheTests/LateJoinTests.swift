import EPPCore
import Testing

@testable import EPPPrefixCache

/// Blocks whose parents are announced later than they are, or never.
@Suite struct LateJoinTests {
  private let slot = EndpointSlot(index: 7, generation: 2)

  @Test func manyBlocksThatWaitForOneAnotherAreEntered() {
    let index = PrefixIndex()
    let last = UInt32(WaitingStores.maximumBlocks)
    var late = KVEventBatch()
    for number in 1...last { late.store(number, behind: number - 1) }
    #expect(index.apply(late, from: slot).orphaned == Int(last))
    #expect(index.waitingBlocks(of: slot, rank: 0) == Int(last))
    var first = KVEventBatch()
    first.store(0, behind: nil)
    #expect(index.apply(first, from: slot).stored == Int(last) + 1)
    #expect(index.waitingBlocks(of: slot, rank: 0) == 0)
    #expect(index.depth(Array(0...last), at: slot) == Int(last) + 1)
  }

  @Test func whatIsRemovedWhileItWaitsDoesNotCome() {
    let index = PrefixIndex()
    var batch = KVEventBatch()
    for number in 1...8 as ClosedRange<UInt32> { batch.store(number, behind: number - 1) }
    batch.remove(5)
    // Never heard of.
    batch.remove(99)
    #expect(index.apply(batch, from: slot).unknown == 1)
    #expect(index.waitingBlocks(of: slot, rank: 0) == 7)
    var first = KVEventBatch()
    first.store(0, behind: nil)
    index.apply(first, from: slot)
    #expect(index.depth(Array(0...8), at: slot) == 5)
    // Those behind the one that has gone still wait for it.
    #expect(index.waitingBlocks(of: slot, rank: 0) == 3)
  }

  @Test func aCopyOnAnotherTierEndsNoWaiting() {
    let index = PrefixIndex()
    var batch = KVEventBatch()
    for number in 1...4 as ClosedRange<UInt32> { batch.store(number, behind: number - 1) }
    batch.remove(2, from: .cpu)
    #expect(index.apply(batch, from: slot).unknown == 1)
    #expect(index.waitingBlocks(of: slot, rank: 0) == 4)
    var first = KVEventBatch()
    first.store(0, behind: nil)
    index.apply(first, from: slot)
    #expect(index.depth(Array(0...4), at: slot) == 5)
  }

  private func restored(_ arrivals: [Int], of count: Int) -> WaitingStores? {
    WaitingStores(
      arrivals: count,
      stores: arrivals.map { arrival in
        let event = BlocksStored(
          hashes: 0..<1, parent: UInt64(100 + arrival), tokens: 0..<1, blockTokens: 1, tier: .gpu, loRAName: nil,
          extraKeys: [], group: nil, cacheKind: .wholePrefix)
        return (UInt64(100 + arrival), WaitingStores.Store(hashes: [7], tokens: [7], event: event, arrival: arrival))
      })
  }

  /// Wherever they stand in a snapshot.
  @Test(arguments: [[1, 2], [2, 1]]) func copiesGoFromTheStoreThatCameFirst(_ order: [Int]) throws {
    var waiting = try #require(restored(order, of: 10))
    let first = waiting.remove(7, .gpu)
    #expect(first && !waiting.isAwaited(101) && waiting.isAwaited(102))
    let second = waiting.remove(7, .gpu)
    #expect(second && waiting.isEmpty && waiting.sizeInBytes == 0)
    let third = waiting.remove(7, .gpu)
    #expect(!third)
  }

  @Test func whatCannotHaveWaitedTogetherIsRefused() {
    #expect(restored([1, 1], of: 10) == nil)
    #expect(restored([10], of: 10) == nil)
    #expect(restored([9, 0], of: 10) != nil)
  }

  /// As many copies wait as are counted of a block that is known.
  @Test func copiesOfOneBlockAreBounded() {
    let index = PrefixIndex()
    var batch = KVEventBatch()
    for parent in 100..<120 as Range<UInt32> { batch.store(7, behind: parent) }
    index.apply(batch, from: slot)
    #expect(index.waitingBlocks(of: slot, rank: 0) == 20)
    var removal = KVEventBatch()
    for _ in 0..<20 { removal.remove(7) }
    #expect(index.apply(removal, from: slot).unknown == 5)
    #expect(index.waitingBlocks(of: slot, rank: 0) == 5)
  }

  /// All conversations behind one prompt that was there before anybody listened wait for the same block.
  @Test func theOldestGoWhenTooManyWaitForOneParent() {
    let index = PrefixIndex()
    let count = UInt32(WaitingStores.maximumBlocks)
    var batch = KVEventBatch()
    for number in 1...count + 100 { batch.store(number, behind: 0) }
    index.apply(batch, from: slot)
    #expect(index.waitingBlocks(of: slot, rank: 0) == Int(count))
    var first = KVEventBatch()
    first.store(0, behind: nil)
    index.apply(first, from: slot)
    #expect(index.depth([0, 100], at: slot) == 1)
    #expect(index.depth([0, 101], at: slot) == 2)
    #expect(index.depth([0, count + 100], at: slot) == 2)
  }

  @Test func whatWaitsForOneParentGoesInAnyOrder() {
    let index = PrefixIndex()
    let count = UInt32(WaitingStores.maximumBlocks)
    var batch = KVEventBatch()
    for number in 1...count { batch.store(number, behind: 0) }
    index.apply(batch, from: slot)
    var removal = KVEventBatch()
    for number in 1...count where number % 8 != 0 { removal.remove(number) }
    #expect(index.apply(removal, from: slot).unknown == 0)
    #expect(index.waitingBlocks(of: slot, rank: 0) == Int(count) / 8)
    var first = KVEventBatch()
    first.store(0, behind: nil)
    index.apply(first, from: slot)
    for number in [8, 16, 8000, count] { #expect(index.depth([0, number], at: slot) == 2) }
    for number in [1, 7, count - 1] { #expect(index.depth([0, number], at: slot) == 1) }
  }

  @Test func bytesOfWhatWaitsAreBounded() {
    let index = PrefixIndex()
    let empty = index.currentStatistics().bytes
    // Blocks of 16,000 tokens: as many as may wait by their number would take a gigabyte.
    let width = 16_000
    for number in 1...200 as ClosedRange<UInt64> {
      var batch = KVEventBatch()
      batch.hashes = [number * 2]
      batch.tokens = Array(repeating: UInt32(number), count: width)
      batch.events = [
        .stored(
          BlocksStored(
            hashes: 0..<1, parent: number * 2 - 1, tokens: 0..<width, blockTokens: width, tier: .gpu, loRAName: nil,
            extraKeys: [[.bytes(Array(repeating: 0, count: 10_000))]], group: nil, cacheKind: .wholePrefix))
      ]
      #expect(index.apply(batch, from: slot).orphaned == 1)
    }
    #expect(index.waitingBlocks(of: slot, rank: 0) > 10)
    #expect(index.currentStatistics().bytes - empty < WaitingStores.maximumBytes + 1 << 20)
    index.resetEvents(from: slot)
    #expect(index.currentStatistics().bytes == empty)
  }

  @Test func theOldestGoWhenTooManyWait() {
    let index = PrefixIndex()
    // Each waits for a parent of its own; those of the odd ones come, and are missed again.
    var batch = KVEventBatch()
    let count = UInt32(WaitingStores.maximumBlocks)
    for number in 0..<count { batch.store(3 * number + 1, behind: 3 * number) }
    for number in stride(from: 1, to: count, by: 2) { batch.store(3 * number, behind: nil) }
    index.apply(batch, from: slot)
    #expect(index.waitingBlocks(of: slot, rank: 0) == Int(count) / 2)
    var more = KVEventBatch()
    for number in count..<2 * count { more.store(3 * number + 1, behind: 3 * number) }
    index.apply(more, from: slot)
    #expect(index.waitingBlocks(of: slot, rank: 0) == Int(count))
    var parents = KVEventBatch()
    for number in 0..<2 * count { parents.store(3 * number, behind: nil) }
    index.apply(parents, from: slot)
    #expect(index.depth([0, 1], at: slot) == 1)
    #expect(index.depth([3, 4], at: slot) == 2)
    #expect(index.depth([3 * count, 3 * count + 1], at: slot) == 2)
    #expect(index.waitingBlocks(of: slot, rank: 0) == 0)
  }

  /// Endpoints that were alone when they filled up have to give memory back when others join, though nothing more comes
  /// from them.
  @Test func endpointsThatWereThereFirstGiveMemoryBack() {
    var limits = PrefixIndex.Limits()
    limits.maximumBytes = 8 << 20
    let index = PrefixIndex(limits: limits)
    for number in 0..<16 as Range<UInt32> {
      let slot = EndpointSlot(index: Int(number), generation: 1)
      var batch = KVEventBatch()
      // Pairs: a head, and a block behind it.
      for block in 0..<40_000 as Range<UInt32> {
        let name = number * 1_000_000 + block
        batch.store(name, behind: block % 2 == 0 ? nil : name - 1)
      }
      index.apply(batch, from: slot)
      // Picks make room for themselves only.
      index.maintain(now: MonotonicTime(nanoseconds: 0))
    }
    for _ in 0..<40 { index.maintain(now: MonotonicTime(nanoseconds: 0)) }
    #expect(index.currentStatistics().bytes < limits.maximumBytes)
    // What is left is found, tails with their heads, and goes on.
    var held = 0
    for number in 0..<16 as Range<UInt32> {
      let slot = EndpointSlot(index: Int(number), generation: 1)
      var removal = KVEventBatch()
      for block in stride(from: 0, to: 40_000 as UInt32, by: 2) {
        let name = number * 1_000_000 + block
        var match = PrefixMatch()
        var query = tokenQuery([name, name + 1], blockTokens: 1)
        index.match(&query, into: &match)
        held += match.matchedBlocks(slot)
        removal.remove(name + 1)
        removal.remove(name)
      }
      index.apply(removal, from: slot)
    }
    #expect(held > 40_000)
    #expect(index.pairCount == 0)
  }

  @Test func ranksShareTheMemoryOfTheirEndpoint() {
    var limits = PrefixIndex.Limits()
    limits.maximumBytes = 1 << 20
    let index = PrefixIndex(limits: limits)
    func fill(_ rank: Int, from first: UInt32) {
      var batch = KVEventBatch()
      for number in first..<first + 12_000 { batch.store(number, behind: nil) }
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
