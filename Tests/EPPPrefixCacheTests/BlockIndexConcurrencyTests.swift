import EPPCore
import EPPPrefixCache
import EPPTestKit
import Synchronization
import Testing

/// One thread writes what engines announce while others ask. (Growth under readers: `BlockIndexGrowthTests`.)
@Suite struct BlockIndexConcurrencyTests {
  private final class Flag: Sendable {
    let isSet = Atomic(false)
  }

  /// Stable prefixes are always told exactly; others are never found where they were not.
  @Test func readersNeverSeeWhatWasNot() async throws {
    let index = PrefixIndex()
    let slots = (0..<6).map { EndpointSlot(index: $0, generation: 1) }
    let stable = (0..<300 as Range<UInt32>).map { $0 % 7 }
    var writer = EventWriter()
    var batch = KVEventBatch()
    for (position, slot) in slots.enumerated() {
      writer.store([], Array(stable[..<(40 * (position + 1))]), "GPU")
      let message = writer.message()
      try unsafe KVEventDecoder().decode(message.span.bytes, into: &batch)
      index.apply(batch, from: slot)
    }
    let isDone = Flag()
    var choices = SeededGenerator(seed: 5)
    let owners = (0..<160).map { _ in slots[Int.random(in: 0..<6, using: &choices)] }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { isDone.isSet.store(true, ordering: .releasing) }
        var writer = EventWriter()
        var batch = KVEventBatch()
        for round in 0..<160 as Range<UInt32> {
          let slot = owners[Int(round)]
          // New blocks beside the stable ones, so that sets change; then some go again.
          let fresh = (0..<200 as Range<UInt32>).map { 1_000 + round * 200 + $0 }
          writer.store([], fresh, "GPU")
          if round % 3 == 0 {
            for depth in (0..<200).reversed() { writer.remove(Array(fresh[...depth]), "GPU") }
          }
          let message = writer.message()
          try unsafe KVEventDecoder().decode(message.span.bytes, into: &batch)
          index.apply(batch, from: slot)
          if round % 40 == 39 {
            let churned = EndpointSlot(index: 6, generation: round)
            index.apply(batch, from: churned)
            index.remove(churned)
          }
          index.maintain(now: MonotonicTime(nanoseconds: 0))
          // There may be fewer threads than tasks: none may keep its one for itself.
          await Task.yield()
        }
      }
      for reader in 0..<3 as Range<UInt64> {
        group.addTask {
          var dice = SeededGenerator(seed: 100 + reader)
          var match = PrefixMatch()
          let tokens = EventWriter().tokens(stable)
          while !isDone.isSet.load(ordering: .acquiring) {
            var query = tokenQuery(tokens)
            index.match(&query, into: &match)
            for (position, slot) in slots.enumerated() {
              #expect(match.matchedBlocks(slot) == min(300, 40 * (position + 1)))
            }
            let round = UInt32.random(in: 0..<160, using: &dice)
            var other = tokenQuery(EventWriter().tokens((0..<200 as Range<UInt32>).map { 1_000 + round * 200 + $0 }))
            index.match(&other, into: &match)
            #expect(slots.allSatisfy { $0 == owners[Int(round)] || match.matchedBlocks($0) == 0 })
            await Task.yield()
          }
        }
      }
      try await group.waitForAll()
    }
  }
}
