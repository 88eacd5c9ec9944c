import EPPCore
import Synchronization
import Testing

@testable import EPPPrefixCache

/// Picks that find the writer at work.
@Suite struct PickQueueTests {
  @Test func picksThatFindNoRoomAreCounted() {
    var limits = PrefixIndex.Limits()
    limits.textBlockTokens = 16
    limits.maximumWaitingBlocks = 4
    let index = PrefixIndex(limits: limits, hasher: PrefixQuery.hasher)
    let slot = EndpointSlot(index: 1, generation: 1)
    index.writer.withLock { _ in
      _ = index.record(.of([1, 2, 3]), at: slot)
      _ = index.record(.of([4, 5, 6]), at: slot)
    }
    index.maintain(now: MonotonicTime(nanoseconds: 0))
    #expect(index.currentStatistics().refused == 1)
    #expect(index.pairCount == 3)
    // The count stays.
    index.maintain(now: MonotonicTime(nanoseconds: 0))
    #expect(index.currentStatistics().refused == 1)
  }

  /// A thousand others have left what they had to say while the writer was at work: a request does its share of that, and goes
  /// on.
  @Test func aRequestEntersABoundedPartOfWhatWaits() {
    let index = PrefixIndex(hasher: PrefixQuery.hasher)
    let share = index.limits.changesPerTurn
    let slot = EndpointSlot(index: 1, generation: 1)
    index.writer.withLock { _ in
      for number in 0..<1000 { _ = index.record(.of([number]), at: slot) }
    }
    #expect(index.waitingChanges == 1000)
    let last = index.record(.of([5000]), at: slot)
    #expect(index.waitingChanges == 1001 - share)
    // In order: it has not come before those who came first.
    #expect(last.newBlocks == 0)
    index.setCapacity(tokens: 1 << 20, of: slot)
    #expect(index.waitingChanges == 1002 - 2 * share)
    index.maintain(now: MonotonicTime(nanoseconds: 0))
    #expect(index.waitingChanges == 0)
    #expect(index.pairCount == 1001)
    #expect(last.newBlocks == 1)
  }

  /// Long prompts count by their blocks; one longer than a share is entered all the same.
  @Test func aRequestEntersABoundedNumberOfBlocks() {
    let index = PrefixIndex(hasher: PrefixQuery.hasher)
    let slot = EndpointSlot(index: 1, generation: 1)
    let blocks = index.limits.blocksPerTurn
    index.setCapacity(tokens: 1 << 20, of: slot)
    index.writer.withLock { _ in
      for number in 0..<3 { _ = index.record(.of(Array(number * blocks..<(number + 1) * blocks)), at: slot) }
      _ = index.record(.of(Array(10 * blocks..<12 * blocks)), at: slot)
    }
    // Each enters one of them, and stands behind the others itself.
    for _ in 0..<4 {
      index.forget(PickRecord(slot: slot))
      #expect(index.waitingChanges == 4)
    }
    index.forget(PickRecord(slot: slot))
    #expect(index.waitingChanges == 0)
  }

  @Test func whatIsToldOfAnEarlierEndpointOfASlotChangesNothing() {
    let index = PrefixIndex()
    let (first, second) = (EndpointSlot(index: 3, generation: 7), EndpointSlot(index: 3, generation: 8))
    index.setFollowed(true, first)
    index.setAdopting(true, first)
    index.setFollowed(true, second)
    #expect(!index.currentAnnouncements().adopting.contains(second))
    index.remove(first)
    #expect(index.currentAnnouncements().followed.contains(second))
    index.setAdopting(true, first)
    #expect(!index.currentAnnouncements().adopting.contains(second))
    index.setFollowed(false, second)
    #expect(!index.currentAnnouncements().followed.contains(second))
  }
}
