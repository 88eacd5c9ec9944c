import EPPCore
import EPPPrefixCache
import EPPTestKit
import Testing

/// Random prompts, capacities and departures, held against the plain model after every step.
@Suite struct PrefixIndexPropertyTests {
  /// A prompt out of a small tree, so that heads are shared and tails fork at every depth.
  private func prompt(_ dice: inout SeededGenerator, longest: Int, fanOut: Int) -> [Int] {
    (0..<Int.random(in: 1...longest, using: &dice)).map { _ in Int.random(in: 0..<fanOut, using: &dice) }
  }

  @Test(arguments: 0..<16)
  func theIndexHoldsWhatTheModelHolds(seed: Int) {
    var dice = SeededGenerator(seed: UInt64(seed))
    let fanOut = Int.random(in: 1...4, using: &dice)
    let longest = Int.random(in: 1...20, using: &dice)
    var pool = Slots(3)
    var limits = PrefixIndex.Limits()
    limits.defaultBlocks = Int.random(in: 1...60, using: &dice)
    let index = PrefixIndex(limits: limits)
    var models = pool.slots.map { _ in ReferenceIndex(capacity: limits.defaultBlocks) }

    for step in 0..<250 {
      let endpoint = Int.random(in: 0..<3, using: &dice)
      switch Int.random(in: 0..<20, using: &dice) {
      case 0:
        let blocks = Int.random(in: 1...80, using: &dice)
        index.setCapacity(tokens: blocks * 16 + 15, of: pool[endpoint])
        models[endpoint].capacity = blocks
      case 1:
        // The endpoint leaves, and another one gets its slot.
        let old = pool[endpoint]
        index.remove(old)
        var slots = pool.slots
        slots[endpoint].generation += 1
        pool = Slots(slots)
        models[endpoint] = ReferenceIndex(capacity: limits.defaultBlocks)
        // A late pick of the old endpoint's changes nothing.
        _ = index.record(.of([0, 1]), at: old)
      case 2...4:
        // What a pick has pushed out stays out; else it is forgotten as if it had never been.
        let names = prompt(&dice, longest: longest, fanOut: fanOut)
        let new = models[endpoint].recordAndForget(names)
        let record = index.record(.of(names), at: pool[endpoint])
        #expect(record.newBlocks == new)
        index.forget(record)
      default:
        let names = prompt(&dice, longest: longest, fanOut: fanOut)
        let new = models[endpoint].record(names)
        #expect(index.record(.of(names), at: pool[endpoint]).newBlocks == new.count)
      }
      compare(&dice, index, pool, models, longest, fanOut)
      if step % 25 == 0 { for model in models { #expect(model.isClosed) } }
    }
  }

  private func compare(
    _ dice: inout SeededGenerator, _ index: PrefixIndex, _ pool: Slots, _ models: [ReferenceIndex], _ longest: Int,
    _ fanOut: Int
  ) {
    #expect(index.pairCount == models.reduce(0) { $0 + $1.count })
    for model in models {
      #expect(model.count <= model.capacity)
    }
    for _ in 0..<4 {
      let names = prompt(&dice, longest: longest, fanOut: fanOut)
      #expect(pool.depths(.of(names), in: index) == models.map { $0.depth(names) })
    }
    // Everything that a model holds, and nothing behind it.
    for model in models {
      guard let names = model.lastUse.keys.randomElement(using: &dice) else { continue }
      #expect(pool.depths(.of(names + [99]), in: index) == models.map { $0.depth(names) })
    }
  }

  /// Picks taken back late, moved, repeated: the order of use is not modelled here, but what must always hold is.
  @Test(arguments: 0..<20)
  func whatMustAlwaysHoldHoldsWithLateForgetsAndMoves(seed: Int) {
    var dice = SeededGenerator(seed: 1_000 + UInt64(seed))
    let pool = Slots(3)
    var limits = PrefixIndex.Limits()
    limits.defaultBlocks = Int.random(in: 5...60, using: &dice)
    let index = PrefixIndex(limits: limits)
    var recorded = Array(repeating: Set<[Int]>(), count: 3)
    var open: [(record: PickRecord, names: [Int])] = []
    for _ in 0..<400 {
      let endpoint = Int.random(in: 0..<3, using: &dice)
      switch Int.random(in: 0..<6, using: &dice) {
      case 0 where !open.isEmpty:
        let (record, _) = open.remove(at: Int.random(in: 0..<open.count, using: &dice))
        index.forget(record)
        if Bool.random(using: &dice) { index.forget(record) }
      case 1 where !open.isEmpty:
        let position = Int.random(in: 0..<open.count, using: &dice)
        let moved = index.move(open[position].record, to: pool[endpoint])
        recorded[endpoint].formUnion(prefixes(open[position].names))
        open[position].record = moved
      default:
        let names = prompt(&dice, longest: 12, fanOut: 3)
        open.append((index.record(.of(names), at: pool[endpoint]), names))
        recorded[endpoint].formUnion(prefixes(names))
      }
      #expect(index.pairCount <= 3 * limits.defaultBlocks)
      let names = prompt(&dice, longest: 12, fanOut: 3)
      for (slot, depth) in pool.depths(.of(names), in: index).enumerated() where depth > 0 {
        #expect(recorded[slot].contains(Array(names[..<depth])))
      }
    }
    // Nothing is left behind that could not be evicted: every endpoint can be filled anew with one prompt.
    for slot in pool.slots {
      let names = (0..<limits.defaultBlocks).map { 1_000 + $0 }
      _ = index.record(.of(names), at: slot)
      #expect(pool.depths(.of(names), in: index)[slot.index] == limits.defaultBlocks)
    }
    #expect(index.pairCount == 3 * limits.defaultBlocks)
  }

  private func prefixes(_ names: [Int]) -> [[Int]] { names.indices.map { Array(names[...$0]) } }
}
