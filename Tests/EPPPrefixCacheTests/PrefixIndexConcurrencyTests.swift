import EPPCore
import EPPPrefixCache
import EPPTestKit
import Testing

@Suite struct PrefixIndexConcurrencyTests {
  /// Threads that record, match, forget, move and remove on the same few endpoints, with room for a fraction of it: the
  /// counts add up at the end and every answer on the way was possible.
  @Test func threadsShareTheIndex() async {
    var limits = PrefixIndex.Limits()
    limits.defaultBlocks = 900
    limits.maximumBytes = 64 * 3_000
    let index = PrefixIndex(limits: limits)
    let pool = Slots(4)
    await withTaskGroup(of: Void.self) { group in
      for worker in 0..<4 as Range<UInt64> {
        group.addTask {
          var dice = SeededGenerator(seed: worker)
          // The first 300 blocks of a prompt are everybody's, the others this worker's alone.
          var deepest = [300, 300, 300]
          for _ in 0..<150 {
            let length = Int.random(in: 1...800, using: &dice)
            let head = Int.random(in: 0..<3, using: &dice)
            let names = (0..<length).map { $0 < 300 ? 1_000 * head + $0 : 1_000_000 * Int(worker + 1) + $0 }
            let query = PrefixQuery.of(names)
            #expect(pool.depths(query, in: index).allSatisfy { $0 <= deepest[head] })
            deepest[head] = max(deepest[head], length)
            let record = index.record(query, at: pool[Int.random(in: 0..<4, using: &dice)])
            switch Int.random(in: 0..<8, using: &dice) {
            case 0: index.forget(record)
            case 1: _ = index.move(record, to: pool[Int.random(in: 0..<4, using: &dice)])
            case 2: index.setCapacity(blocks: Int.random(in: 100...900, using: &dice), of: record.slot)
            default: break
            }
          }
        }
      }
    }
    #expect(index.pairCount * 64 <= limits.maximumBytes)
    for slot in pool.slots { index.remove(slot) }
    #expect(index.pairCount == 0)
    while index.currentStatistics().blocks > 0 { index.maintain(now: MonotonicTime(nanoseconds: 0)) }
  }
}
