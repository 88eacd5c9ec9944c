import EPPCore
import EPPPrefixCache
import Testing

/// Endpoints behind which several data-parallel ranks announce what they hold.
@Suite struct RankedEndpointTests {
  private let index = PrefixIndex()
  private let slot = EndpointSlot(index: 2, generation: 1)

  private func announce(_ rank: Int, from slot: EndpointSlot) throws {
    var writer = EventWriter()
    writer.store([], [1, 2], "GPU")
    let message = writer.message()
    var batch = KVEventBatch()
    try unsafe KVEventDecoder().decode(message.span.bytes, into: &batch)
    index.apply(batch, from: slot, rank: rank)
  }

  private func isRanked(in other: PrefixIndex? = nil) -> Bool {
    (other ?? index).currentAnnouncements().ranked.contains(slot)
  }

  @Test func theyAreToldAsLongAsTheyAreInThePool() throws {
    try announce(0, from: slot)
    #expect(!isRanked())
    try announce(0, from: slot)
    #expect(!isRanked())
    try announce(1, from: slot)
    #expect(isRanked())
    index.resetEvents(from: slot, rank: 0)
    #expect(isRanked(), "one that is learned anew is still there")
    index.remove(slot)
    #expect(!isRanked())
    try announce(1, from: slot)
    #expect(!isRanked(), "it has left")
    try announce(1, from: EndpointSlot(index: 2, generation: 2))
    #expect(!isRanked(), "another endpoint, with one rank")
  }

  @Test func theyAreToldAfterARestart() throws {
    for rank in 0..<2 { try announce(rank, from: slot) }
    let restored = PrefixIndex()
    for rank in 0..<2 {
      #expect(!isRanked(in: restored))
      var snapshot = AnnouncedSnapshot()
      #expect(index.copyAnnounced(of: slot, rank: rank, into: &snapshot))
      try restored.restore(snapshot, to: slot)
    }
    #expect(isRanked(in: restored))
  }
}
