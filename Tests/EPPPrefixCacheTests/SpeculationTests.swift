import EPPCore
import EPPPrefixCache
import EPPTestKit
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

  @Test func aPickThatIsOverdueDoesNotWaitForOlderOnes() {
    let slow = speculate([1, 2, 3], until: 60_000)
    let quick = speculate([1, 2, 8, 9], until: 60_000)
    _ = speculate([1, 2, 8, 7], until: 300)
    index.settle(quick, until: time(100))
    index.maintain(now: time(100))
    #expect(depth([1, 2, 3]) == 3)
    #expect(depth([1, 2, 8, 9]) == 3)
    #expect(depth([1, 2, 8, 7]) == 4)
    index.maintain(now: time(300))
    #expect(depth([1, 2, 8]) == 2)
    #expect(depth([1, 2, 3]) == 3)
    index.settle(slow, until: time(400))
    index.maintain(now: time(400))
    #expect(index.pairCount == 0)
  }

  /// Against the plainest model: a prefix counts as long as a pick of it, or of something behind it, does.
  @Test(arguments: 0..<8 as Range<UInt64>) func picksEndInAnyOrder(_ seed: UInt64) {
    var dice = SeededGenerator(seed: seed)
    var live: [(prompt: [UInt32], record: PickRecord, until: UInt64)] = []
    for now in 1...400 as ClosedRange<UInt64> {
      let prompt = (0..<Int.random(in: 1...6, using: &dice)).map { _ in UInt32.random(in: 0..<3, using: &dice) }
      let until = now + UInt64.random(in: 1...30, using: &dice)
      live.append((prompt, speculate(prompt, until: until), until))
      if Int.random(in: 0..<3, using: &dice) == 0, let chosen = live.indices.randomElement(using: &dice) {
        live[chosen].until = now + 1
        index.settle(live[chosen].record, until: time(now + 1))
      }
      index.maintain(now: time(now))
      live.removeAll { $0.until <= now }
      let asked = (0..<6).map { _ in UInt32.random(in: 0..<3, using: &dice) }
      let expected = live.map { pick in zip(pick.prompt, asked).prefix { $0 == $1 }.count }.max() ?? 0
      #expect(depth(asked) == expected, "at \(now)")
    }
    index.maintain(now: time(1_000))
    #expect(index.pairCount == 0)
  }

  /// Two picks of the same prompt, of which the later one ends first.
  @Test(arguments: [false, true]) func nothingStaysOfPicksThatHaveEnded(_ isCleared: Bool) throws {
    let first = speculate([1, 2], until: 60_000)
    let second = speculate([1, 2], until: 60_000)
    index.forget(second)
    #expect(depth([1, 2]) == 2)
    if isCleared {
      try announce { $0.clear() }
    } else {
      index.settle(first, until: time(100))
      index.maintain(now: time(100))
    }
    #expect(depth([1, 2]) == 0)
    index.maintain(now: time(200))
    #expect(index.pairCount == 0)
  }

  @Test func whatIsConfirmedIsToldByEventsAlone() throws {
    _ = speculate([1, 2, 3], until: 60_000)
    try announce { $0.store([], [1, 2, 3], "GPU") }
    index.maintain(now: time(1))
    try announce { $0.remove([1, 2, 3], "GPU") }
    #expect(depth([1, 2, 3]) == 2)
  }

  @Test func aClearedCacheHoldsNothingThatWasSentThere() throws {
    _ = speculate([1, 2, 3], until: 60_000)
    try announce { $0.clear() }
    #expect(depth([1, 2, 3]) == 0)
  }

  @Test func whatDoesNotCountAnyMoreIsNotMoved() {
    let picked = speculate([4, 5], until: 100)
    _ = speculate([4, 5, 6], until: 300)
    index.maintain(now: time(100))
    let other = EndpointSlot(index: 7, generation: 1)
    _ = index.move(picked, to: other)
    var match = PrefixMatch()
    var query = tokenQuery(writer.tokens([4, 5]))
    index.match(&query, into: &match)
    #expect(match.matchedBlocks(other) == 0)
    #expect(match.matchedBlocks(slot) == 2)
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
