import EPPCore
import EPPPrefixCache
import Testing

@Suite struct SpeculationTests {
  private let index = PrefixIndex()
  private let slot = EndpointSlot(index: 2, generation: 1)
  private let writer = EventWriter()

  private func time(_ milliseconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

  private func depth(_ prompt: [UInt32]) -> Int {
    var match = PrefixMatch()
    var query = tokenQuery(writer.tokens(prompt))
    index.match(&query, into: &match)
    return match.matchedBlocks(slot)
  }

  private func speculate(_ prompt: [UInt32], until: UInt64) -> PickRecord {
    var query = tokenQuery(writer.tokens(prompt))
    return index.record(&query, at: slot, as: .speculative(until: time(until)))
  }

  private func announce(_ change: (inout EventWriter) -> Void) throws {
    var writer = writer
    change(&writer)
    let message = writer.message()
    var batch = KVEventBatch()
    try unsafe KVEventDecoder().decode(message.span.bytes, into: &batch)
    index.apply(batch, from: slot)
  }

  @Test func aPickCountsAtOnceAndUntilItsTimeIsUp() {
    _ = speculate([1, 2, 3], until: 100)
    #expect(depth([1, 2, 3, 4]) == 3)
    index.maintain(now: time(99))
    #expect(depth([1, 2, 3, 4]) == 3)
    index.maintain(now: time(100))
    #expect(depth([1, 2, 3, 4]) == 0)
  }

  @Test func aLaterPickKeepsTheSharedHead() {
    _ = speculate([1, 2, 3], until: 100)
    _ = speculate([1, 2, 9], until: 200)
    index.maintain(now: time(150))
    #expect(depth([1, 2, 3]) == 2)
    #expect(depth([1, 2, 9]) == 3)
    index.maintain(now: time(200))
    #expect(depth([1, 2, 9]) == 0)
    #expect(index.pairCount == 0)
  }

  @Test func anEngineThatIsEmptyHoldsNothingThatWasSentThere() throws {
    let record = speculate([1, 2, 3], until: 100)
    try announce { $0.store([], [1, 2], "GPU") }
    index.resetEvents(from: slot)
    #expect(depth([1, 2, 3]) == 0)
    // What comes of the pick later changes nothing, and the next one counts.
    index.settle(record, until: time(300))
    _ = speculate([1, 2], until: 200)
    index.forget(record)
    index.maintain(now: time(150))
    #expect(depth([1, 2, 3]) == 2)
    index.maintain(now: time(200))
    #expect(index.pairCount == 0)
  }

  @Test func whatTheEngineHasAnnouncedStays() throws {
    _ = speculate([1, 2, 3], until: 100)
    try announce { $0.store([], [1, 2], "GPU") }
    index.maintain(now: time(100))
    #expect(depth([1, 2, 3]) == 2)
    try announce { $0.remove([1, 2], "GPU") }
    #expect(depth([1, 2, 3]) == 1)
  }

  @Test func anAnswerThatHasBegunShortensTheTime() {
    let record = speculate([1, 2, 3], until: 60_000)
    index.settle(record, until: time(1_000))
    index.maintain(now: time(1_000))
    #expect(depth([1, 2, 3]) == 0)
  }

  @Test func aPickIsTakenBackOrFollowsTheEndpointThatServed() {
    let failed = speculate([1, 2, 3], until: 100)
    index.forget(failed)
    #expect(depth([1, 2, 3]) == 0)

    let picked = speculate([4, 5], until: 100)
    let other = EndpointSlot(index: 7, generation: 1)
    let served = index.move(picked, to: other)
    #expect(served.slot == other)
    var match = PrefixMatch()
    var query = tokenQuery(writer.tokens([4, 5]))
    index.match(&query, into: &match)
    #expect(match.matchedBlocks(slot) == 0)
    #expect(match.matchedBlocks(other) == 2)
    // Its time is still the same.
    index.maintain(now: time(100))
    index.match(&query, into: &match)
    #expect(match.matchedBlocks(other) == 0)
  }

  @Test func onlyWhatIsAnnouncedIsCalledSo() throws {
    var match = PrefixMatch()
    _ = speculate([1, 2, 3], until: 100)
    var query = tokenQuery(writer.tokens([1, 2, 3]) + [7])
    index.match(&query, into: &match)
    #expect(match.reusableTokens(slot) == 48)
    #expect(!match.isAnnounced(slot))
    try announce { $0.store([], [1, 2, 3], "GPU") }
    index.match(&query, into: &match)
    #expect(match.isAnnounced(slot))
    // The last token is computed in any case: of a prompt of whole blocks the last one is not taken from the cache.
    var whole = tokenQuery(writer.tokens([1, 2, 3]))
    index.match(&whole, into: &match)
    #expect(match.matchedTokens(slot) == 48)
    #expect(match.reusableTokens(slot) == 32)
  }

  @Test func theEndpointsLeavingEndsItsSpeculations() {
    _ = speculate([1, 2, 3], until: 100)
    index.remove(slot)
    #expect(depth([1, 2, 3]) == 0)
    index.maintain(now: time(100))
    #expect(index.pairCount == 0)
  }
}
