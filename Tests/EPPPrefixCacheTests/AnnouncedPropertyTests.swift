import EPPCore
import EPPPrefixCache
import EPPTestKit
import Foundation
import Testing

/// Random events of several engines, with lost and repeated ones, held against the plain model: the index tells the same
/// depths by bisection.
@Suite struct AnnouncedPropertyTests {
  /// More by hand: `WARMPATH_PROPERTY_STEPS=2000000 swift test --filter AnnouncedProperty`.
  private static let steps = ProcessInfo.processInfo.environment["WARMPATH_PROPERTY_STEPS"].flatMap(Int.init) ?? 250

  private struct Engine {
    var slot: EndpointSlot
    var writer: EventWriter
    var oracle = AnnouncedOracle()
    /// Prefixes that the engine really has; what is announced of them may be lost.
    var held: [[UInt32]] = []
  }

  private struct Shape {
    var fanOut: UInt32
    var longest: Int
    var usesTiers: Bool
    var lossPerCent: Int

    init(_ dice: inout SeededGenerator) {
      fanOut = UInt32.random(in: 1...4, using: &dice)
      longest = Int.random(in: 1...120, using: &dice)
      usesTiers = Int.random(in: 0..<3, using: &dice) == 0
      lossPerCent = [0, 0, 5, 30].randomElement(using: &dice) ?? 0
    }

    func prompt(_ dice: inout SeededGenerator) -> [UInt32] {
      // Long straight runs with few forks, as conversations have them.
      let length = Int.random(in: 1...longest, using: &dice)
      var prompt: [UInt32] = []
      for depth in 0..<length {
        let isFork = depth == 0 || Int.random(in: 0..<12, using: &dice) == 0
        prompt.append(isFork ? UInt32.random(in: 0..<fanOut, using: &dice) : 0)
      }
      return prompt
    }
  }

  @Test(arguments: 0..<24)
  func theIndexTellsWhatTheModelTells(seed: Int) throws {
    var dice = SeededGenerator(seed: UInt64(seed) &+ 77)
    let shape = Shape(&dice)
    let index = PrefixIndex()
    let blockTokens = [16, 16, 32, 1, 20].randomElement(using: &dice) ?? 16
    var engines = (0..<5).map { number in
      Engine(
        slot: EndpointSlot(index: number * 3, generation: 1),
        writer: EventWriter(blockTokens: blockTokens, seed: Bool.random(using: &dice) ? 1 : UInt64(number + 2)))
    }
    var batch = KVEventBatch()
    for step in 0..<Self.steps {
      let number = Int.random(in: engines.indices, using: &dice)
      for _ in 0..<Int.random(in: 1...4, using: &dice) { change(&engines[number], shape, &dice) }
      let message = engines[number].writer.message()
      try unsafe KVEventDecoder().decode(message.span.bytes, into: &batch)
      index.apply(batch, from: engines[number].slot)
      if Int.random(in: 0..<60, using: &dice) == 0 { restart(&engines[number], index, &dice) }
      if step % 7 == 0 { index.maintain(now: MonotonicTime(nanoseconds: 0)) }
      compare(engines, index, blockTokens, shape.prompt(&dice))
      if let known = engines[number].held.randomElement(using: &dice) {
        compare(engines, index, blockTokens, known + [9, 9])
      }
    }
    for engine in engines { index.remove(engine.slot) }
    #expect(index.currentStatistics().pairs == 0)
    while index.currentStatistics().blocks > 0 { index.maintain(now: MonotonicTime(nanoseconds: 0)) }
  }

  private func change(_ engine: inout Engine, _ shape: Shape, _ dice: inout SeededGenerator) {
    let isLost = Int.random(in: 0..<100, using: &dice) < shape.lossPerCent
    let (tier, medium): (StorageTier, String?) =
      switch shape.usesTiers ? Int.random(in: 0..<4, using: &dice) : 0 {
      case 2: (.cpu, "CPU")
      case 3: (.storage, "STORAGE")
      case 1: (.gpu, "GPU")
      default: (.gpu, nil)
      }
    switch Int.random(in: 0..<20, using: &dice) {
    case 0 where !engine.held.isEmpty && shape.usesTiers && medium != nil:
      guard let prefix = engine.held.randomElement(using: &dice), let medium, tier != .gpu, !isLost else { return }
      engine.writer.relocate(prefix, medium)
      engine.oracle.relocate(prefix, tier)
    case 0 where Int.random(in: 0..<30, using: &dice) == 0:
      engine.writer.clear()
      engine.oracle = AnnouncedOracle()
      engine.held = []
    case 1...9 where !engine.held.isEmpty:
      // Mostly the deepest block of a prefix, as engines evict; at times one in the middle.
      let position =
        Int.random(in: 0..<4, using: &dice) == 0
        ? Int.random(in: engine.held.indices, using: &dice)
        : engine.held.indices.max { engine.held[$0].count < engine.held[$1].count } ?? 0
      let prefix = engine.held.remove(at: position)
      guard !isLost else { return }
      engine.writer.remove(prefix, medium)
      engine.oracle.remove(prefix, tier)
    default:
      let prompt = shape.prompt(&dice)
      // Behind what is held, from the beginning again, or anywhere: duplicates and unknown parents.
      var start = 0
      while start < prompt.count - 1, engine.held.contains(Array(prompt[...start])) { start += 1 }
      if Int.random(in: 0..<6, using: &dice) == 0 { start = Int.random(in: 0..<prompt.count, using: &dice) }
      let end = Int.random(in: start + 1...prompt.count, using: &dice)
      for depth in start..<end { engine.held.append(Array(prompt[...depth])) }
      guard !isLost else { return }
      engine.writer.store(Array(prompt[..<start]), Array(prompt[start..<end]), medium)
      engine.oracle.store(Array(prompt[..<start]), Array(prompt[start..<end]), tier)
    }
  }

  /// The engine begins anew, or another endpoint gets its slot.
  private func restart(_ engine: inout Engine, _ index: PrefixIndex, _ dice: inout SeededGenerator) {
    if Bool.random(using: &dice) {
      index.resetEvents(from: engine.slot)
    } else {
      index.remove(engine.slot)
      engine.slot.generation += 1
    }
    engine.oracle = AnnouncedOracle()
    engine.held = []
    engine.writer.seed &+= 100
  }

  private func compare(_ engines: [Engine], _ index: PrefixIndex, _ blockTokens: Int, _ prompt: [UInt32]) {
    var query = tokenQuery(engines[0].writer.tokens(prompt), blockTokens: blockTokens)
    var match = PrefixMatch()
    index.match(&query, into: &match)
    #expect(match.totalBlocks == prompt.count)
    for engine in engines {
      let depths = engine.oracle.depths(prompt)
      #expect(match.matchedBlocks(engine.slot) == depths.anyTier)
      let worth =
        Double(depths.gpu) + 0.8 * Double(depths.gpuOrCPU - depths.gpu)
        + 0.5 * Double(depths.anyTier - depths.gpuOrCPU)
      #expect(abs(match.ratio(engine.slot) * Double(prompt.count) - worth) < 0.001)
    }
  }
}
