import EPPCore
import Testing

@testable import EPPPrefixCache

/// What engines say of their caches takes bounded memory, whatever they say.
@Suite struct AnnouncedBoundsTests {
  private let slot = EndpointSlot(index: 7, generation: 2)

  private func index(blocks: Int) -> PrefixIndex {
    var limits = PrefixIndex.Limits()
    limits.maximumBytes = 2 * blocks * (AnnouncedBlocks.bytesPerBlock + IndexWriter.sharedBytesPerBlock)
    return PrefixIndex(limits: limits)
  }

  @Test func ofOneLongChainTheHeadIsKept() {
    let index = index(blocks: 100)
    var batch = KVEventBatch()
    for number in 0..<1000 as Range<UInt32> { batch.store(number, behind: number == 0 ? nil : number - 1) }
    let counts = index.apply(batch, from: slot)
    #expect(counts.stored == 100)
    #expect(index.pairCount == 100)
    #expect(index.depth(Array(0..<1000), at: slot) == 100)
    // Another one takes the place of its tail.
    var other = KVEventBatch()
    other.store(5000, behind: nil)
    index.apply(other, from: slot)
    #expect(index.depth([5000], at: slot) == 1)
    #expect(index.depth(Array(0..<1000), at: slot) == 99)
  }

  @Test func whatWaitsHasItsPartOfTheMemory() {
    var limits = PrefixIndex.Limits()
    limits.maximumBytes = 4 << 20
    let index = PrefixIndex(limits: limits)
    let empty = index.currentStatistics().bytes
    for number in 0..<16 as Range<UInt32> {
      var batch = KVEventBatch()
      for block in 0..<4096 as Range<UInt32> { batch.store(2 * block + 1, behind: 2 * block) }
      index.apply(batch, from: EndpointSlot(index: Int(number), generation: 1))
    }
    index.maintain(now: MonotonicTime(nanoseconds: 0))
    let waiting = (0..<16).map { index.waitingBlocks(of: EndpointSlot(index: $0, generation: 1), rank: 0) }
    #expect(waiting.allSatisfy { $0 > 100 })
    #expect(index.currentStatistics().bytes - empty < limits.maximumBytes)
  }

  @Test func anEngineThatClearsAllTheTimeLeavesLittleBehind() {
    let index = PrefixIndex()
    for _ in 0..<200 {
      var batch = KVEventBatch()
      for number in 0..<5000 as Range<UInt32> { batch.store(number, behind: nil) }
      batch.events.append(.cleared)
      index.apply(batch, from: slot)
    }
    #expect(index.pairCount == 0)
    #expect(index.currentStatistics().bytes < 6 << 20)
  }

  @Test func namesOfCachesDoNotRunOut() {
    let index = PrefixIndex()
    var batch = KVEventBatch()
    for number in 0..<70_000 as Range<UInt32> {
      batch.store(number, behind: nil)
      batch.events.append(.cleared)
    }
    batch.store(1, behind: nil)
    index.apply(batch, from: slot)
    #expect(index.depth([1], at: slot) == 1)
    #expect(index.pairCount == 1)
  }

  @Test func aStoreOfNothingSaysNothing() {
    let index = PrefixIndex()
    let empty = index.currentStatistics().bytes
    for parent in [nil, 3] as [UInt64?] {
      var batch = KVEventBatch()
      batch.events = [
        .stored(
          BlocksStored(
            hashes: 0..<0, parent: parent, tokens: 0..<0, blockTokens: 64, tier: .gpu, loRAName: nil, extraKeys: [],
            group: 5, cacheKind: .wholePrefix))
      ]
      index.apply(batch, from: slot)
    }
    #expect(index.currentStatistics().bytes == empty)
    var batch = KVEventBatch()
    batch.store(1, behind: nil, group: 0)
    index.apply(batch, from: slot)
    #expect(index.depth([1], at: slot) == 1)
  }

  @Test func allAdaptersOfOneMessageAreLearned() {
    let index = PrefixIndex()
    var batch = KVEventBatch()
    for (number, name) in ["a", "b", "a", "c"].enumerated() {
      batch.store(UInt32(number), behind: nil, loRAName: name)
    }
    index.apply(batch, from: slot)
    #expect(index.currentAnnouncements().loRANames == ["a", "b", "c"])
  }

  /// The slot's endpoint changes between two looks at the index.
  @Test func aSlotThatChangesHandsInAMatchIsCountedOnce() {
    var match = PrefixMatch()
    match.begin(totalBlocks: 4, blockTokens: 16)
    for generation in [1, 2] as [UInt32] {
      match.note(
        HolderOwner(slot: EndpointSlot(index: 3, generation: generation), residency: .gpu), depth: 4)
    }
    match.endPrompt(TierWeights(), reusable: 4)
    #expect(match.matchedBlocks(EndpointSlot(index: 3, generation: 2)) == 4)
    #expect(match.ratio(EndpointSlot(index: 3, generation: 2)) == 1)
  }
}
