import EPPCore
import EPPPrefixCache
import Testing

@Suite struct PrefixIndexTests {
  private func index(blocks: Int, bytes: Int? = nil) -> PrefixIndex {
    var limits = PrefixIndex.Limits()
    limits.defaultBlocks = blocks
    if let bytes { limits.maximumBytes = bytes }
    return PrefixIndex(limits: limits)
  }

  @Test func aPickIsHeldAtOnceAndOnlyWhereItWent() {
    let pool = Slots(3)
    let index = index(blocks: 100)
    let query = PrefixQuery.of([1, 2, 3, 4])
    #expect(pool.depths(query, in: index) == [0, 0, 0])
    #expect(index.record(query, at: pool[1]).newBlocks == 4)
    #expect(pool.depths(query, in: index) == [0, 4, 0])
    #expect(index.record(query, at: pool[1]).newBlocks == 0)
    #expect(index.pairCount == 4)
  }

  @Test func theBlocksOfEachEndpointAreCounted() {
    let pool = Slots(3)
    let index = index(blocks: 100)
    #expect(index.blockCounts(of: pool[0]) == PrefixIndex.BlockCounts())
    _ = index.record(.of([1, 2, 3, 4]), at: pool[0])
    _ = index.record(.of([1, 2, 5]), at: pool[0])
    var query = PrefixQuery.of([1, 2])
    _ = index.record(&query, at: pool[1], as: .speculative(until: MonotonicTime(nanoseconds: 1)))
    #expect(index.blockCounts(of: pool[0]) == PrefixIndex.BlockCounts(routed: 5))
    #expect(index.blockCounts(of: pool[1]) == PrefixIndex.BlockCounts(speculative: 2))
    #expect(index.blockCounts(of: EndpointSlot(index: pool[0].index, generation: 99)) == PrefixIndex.BlockCounts())
    index.remove(pool[0])
    #expect(index.blockCounts(of: pool[0]) == PrefixIndex.BlockCounts())
  }

  @Test func theMatchTellsSharesAndTokens() {
    let pool = Slots(2)
    let index = index(blocks: 100)
    _ = index.record(.of([1, 2, 3]), at: pool[0])
    var match = PrefixMatch()
    index.match(.of([1, 2, 3, 4]), into: &match)
    #expect(match.totalBlocks == 4)
    #expect(match.ratio(pool[0]) == 0.75)
    #expect(match.matchedTokens(pool[0]) == 48)
    #expect(match.ratio(pool[1]) == 0)
    // Another endpoint of the slot holds nothing.
    #expect(match.matchedBlocks(EndpointSlot(index: 0, generation: 2)) == 0)
    index.match(PrefixQuery(), into: &match)
    #expect(match.totalBlocks == 0)
    #expect(match.ratio(pool[0]) == 0)
  }

  @Test func theTailOfTheOldestPrefixGoesFirst() {
    let pool = Slots(1)
    let index = index(blocks: 6)
    _ = index.record(.of([1, 2, 3]), at: pool[0])
    _ = index.record(.of([4, 5, 6]), at: pool[0])
    _ = index.record(.of([7]), at: pool[0])
    #expect(pool.depths(.of([1, 2, 3]), in: index) == [2])
    // A use renews the whole prefix that it went through.
    _ = index.record(.of([1, 2]), at: pool[0])
    _ = index.record(.of([8, 9]), at: pool[0])
    #expect(pool.depths(.of([1, 2, 3]), in: index) == [2])
    #expect(pool.depths(.of([4, 5, 6]), in: index) == [1])
    #expect(index.pairCount == 6)
  }

  @Test func aPromptLongerThanTheCacheKeepsItsHead() {
    let pool = Slots(1)
    let index = index(blocks: 600)
    _ = index.record(.of([9_000, 9_001]), at: pool[0])
    let long = Array(0..<1_000)
    #expect(index.record(.of(long), at: pool[0]).newBlocks == 600)
    #expect(pool.depths(.of(long), in: index) == [600])
    #expect(index.record(.of(long), at: pool[0]).newBlocks == 0)
    #expect(index.pairCount == 600)
  }

  @Test func longPromptsAreEnteredAndFoundWhole() {
    let pool = Slots(2)
    let index = index(blocks: 31_250)
    let long = Array(0..<20_000)
    _ = index.record(.of(long), at: pool[0])
    _ = index.record(.of(Array(long[..<12_345]) + [-1]), at: pool[1])
    #expect(pool.depths(.of(long), in: index) == [20_000, 12_345])
    #expect(index.pairCount == 20_000 + 12_346)
  }

  @Test func aSmallerCacheLosesWhatDoesNotFit() {
    let pool = Slots(1)
    let index = index(blocks: 100)
    _ = index.record(.of(Array(0..<50)), at: pool[0])
    _ = index.record(.of(Array(100..<150)), at: pool[0])
    let size = index.currentStatistics().bytes
    index.setCapacity(tokens: 60 * 16, of: pool[0])
    #expect(index.pairCount == 60)
    #expect(index.currentStatistics().bytes < size)
    #expect(pool.depths(.of(Array(0..<50)), in: index) == [10])
    #expect(pool.depths(.of(Array(100..<150)), in: index) == [50])
    index.setCapacity(tokens: 0, of: pool[0])
    #expect(index.pairCount == 1)
    index.setCapacity(blocks: 100, of: pool[0])
    _ = index.record(.of(Array(0..<50)), at: pool[0])
    #expect(pool.depths(.of(Array(0..<50)), in: index) == [50])
  }

  @Test func aSlotsNextEndpointStartsEmptyAndTheLastOnesLateCallsDoNothing() {
    let old = Slots(1, generation: 4)
    let new = Slots(1, generation: 5)
    let index = index(blocks: 100)
    let late = index.record(.of([1, 2]), at: old[0])
    // The next endpoint may come before the departure of the last is told.
    _ = index.record(.of([3]), at: new[0])
    #expect(index.pairCount == 1)
    #expect(new.depths(.of([1, 2]), in: index) == [0])
    #expect(old.depths(.of([1, 2]), in: index) == [0])
    index.remove(old[0])
    index.forget(late)
    #expect(index.record(.of([1, 2]), at: old[0]).newBlocks == 0)
    index.setCapacity(tokens: 16, of: old[0])
    #expect(new.depths(.of([3]), in: index) == [1])
    index.remove(new[0])
    #expect(index.pairCount == 0)
    // After a departure nothing can be entered for the one that left.
    #expect(index.record(.of([1]), at: new[0]).newBlocks == 0)
    #expect(index.pairCount == 0)
  }

  @Test func generationsMayWrapAround() {
    let last = Slots([EndpointSlot(index: 3, generation: .max)])
    let first = Slots([EndpointSlot(index: 3, generation: 0)])
    let index = index(blocks: 10)
    _ = index.record(.of([1]), at: last[0])
    _ = index.record(.of([2]), at: first[0])
    #expect(first.depths(.of([2]), in: index) == [1])
    #expect(last.depths(.of([1]), in: index) == [0])
  }

  @Test func forgettingAPickLeavesWhatOthersEnteredOrUsed() {
    let pool = Slots(1)
    let index = index(blocks: 100)
    _ = index.record(.of([1, 2]), at: pool[0])
    let failed = index.record(.of([1, 2, 3, 4]), at: pool[0])
    index.forget(failed)
    #expect(pool.depths(.of([1, 2, 3, 4]), in: index) == [2])
    index.forget(failed)
    #expect(index.pairCount == 2)

    let shared = index.record(.of([1, 2, 3, 4]), at: pool[0])
    _ = index.record(.of([1, 2, 3, 4]), at: pool[0])
    index.forget(shared)
    #expect(pool.depths(.of([1, 2, 3, 4]), in: index) == [4])

    let head = index.record(.of([7, 8, 9]), at: pool[0])
    _ = index.record(.of([7, 8, 5]), at: pool[0])
    index.forget(head)
    #expect(pool.depths(.of([7, 8, 9]), in: index) == [2])
    #expect(pool.depths(.of([7, 8, 5]), in: index) == [3])
  }

  @Test func aPickOfManyChunksIsForgottenWhole() {
    let pool = Slots(1)
    let index = index(blocks: 10_000)
    _ = index.record(.of([0, 1, 2]), at: pool[0])
    let record = index.record(.of(Array(0..<5_000)), at: pool[0])
    #expect(record.newBlocks == 4_997)
    index.forget(record)
    #expect(index.pairCount == 3)
  }

  @Test func aMovedPickIsHeldWhereItWasServed() {
    let pool = Slots(2)
    let index = index(blocks: 1_000)
    _ = index.record(.of([1, 2]), at: pool[0])
    let names = Array(1...600)
    let picked = index.record(.of(names, [700, 701]), at: pool[0])
    let served = index.move(picked, to: pool[1])
    #expect(served.slot == pool[1])
    #expect(served.newBlocks == 602)
    #expect(pool.depths(.of(names), in: index) == [2, 600])
    #expect(pool.depths(.of([700, 701]), in: index) == [0, 2])
    index.forget(served)
    #expect(index.pairCount == 2)
  }

  @Test func memoryStaysWithinItsBoundAndIsSharedEqually() {
    let bytes = 64 * 4_000
    let index = index(blocks: 10_000, bytes: bytes)
    let pool = Slots(8)
    _ = index.record(.of(Array(0..<6_000)), at: pool[0])
    #expect(index.pairCount == 4_000)
    for round in 1...5 {
      for slot in pool.slots {
        _ = index.record(.of((0..<700).map { 10_000 * round + 1_000 * slot.index + $0 }), at: slot)
        #expect(index.pairCount * 64 <= bytes)
      }
    }
    // A share is 500 blocks by now, and everybody has one.
    for slot in pool.slots {
      let names = (0..<700).map { 50_000 + 1_000 * slot.index + $0 }
      #expect(pool.depths(.of(names), in: index)[slot.index] == 500)
    }
    for slot in pool.slots { index.remove(slot) }
    while index.currentStatistics().blocks > 0 { index.maintain(now: MonotonicTime(nanoseconds: 0)) }
    #expect(index.pairCount == 0)
    // What is left is one page for each segment of the block table, and one piece of the arena.
    #expect(index.currentStatistics().bytes <= 5 << 20)
  }

  @Test func aBoundTooSmallForOneBlockHoldsOneAndDoesNotHang() {
    let index = index(blocks: 100, bytes: 10)
    let pool = Slots(1)
    #expect(index.record(.of([1, 2, 3]), at: pool[0]).newBlocks == 1)
    #expect(pool.depths(.of([1, 2, 3]), in: index) == [1])
    #expect(index.pairCount == 1)
  }
}
