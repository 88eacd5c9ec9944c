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

  @Test func whatIsToldOfAnEarlierTenantChangesNothing() {
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
