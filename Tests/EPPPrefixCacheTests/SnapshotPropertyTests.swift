import EPPCore
import EPPPrefixCache
import EPPTestKit
import Foundation
import Testing

/// An index that goes on from a snapshot tells the same as the one that it was taken of, to the end, whatever happens.
@Suite struct SnapshotPropertyTests {
  /// More by hand: `WARMPATH_PROPERTY_STEPS=100000 swift test --filter SnapshotProperty`.
  private static let steps = ProcessInfo.processInfo.environment["WARMPATH_PROPERTY_STEPS"].flatMap(Int.init) ?? 160

  private static let first = (0..<4).map { EndpointSlot(index: $0 * 3, generation: 1) }
  /// Slots are given out in another order in another process.
  private static let second = (0..<4).map { EndpointSlot(index: 20 - $0, generation: 7) }

  @Test(arguments: 0..<8)
  func announcedBlocksGoOnAsIfNothingHadHappened(seed: Int) throws {
    var dice = SeededGenerator(seed: UInt64(seed) &+ 9_000)
    var limits = PrefixIndex.Limits()
    // With so little memory there is room for some 60 blocks of an engine: leaves are dropped all the time.
    if seed % 3 == 0 { limits.maximumBytes = 4 * 2 * 52 * 60 }
    let original = PrefixIndex(limits: limits)
    var restored = PrefixIndex(limits: limits)
    var engines = [(0, 0), (0, 1), (1, 0), (2, 0), (3, 5)].map {
      SnapshotEngine(endpoint: $0.0, rank: $0.1, &dice)
    }
    var batch = KVEventBatch()
    for step in 0..<Self.steps {
      let number = Int.random(in: engines.indices, using: &dice)
      if Int.random(in: 0..<60, using: &dice) == 0 {
        engines[number].restart()
        for (index, slots) in [(original, Self.first), (restored, Self.second)] {
          index.resetEvents(from: slots[engines[number].endpoint], rank: engines[number].rank)
        }
      }
      let message = engines[number].message(&dice)
      try unsafe KVEventDecoder().decode(message.span.bytes, into: &batch)
      let engine = engines[number]
      let position = EventStreamPosition(
        nextMessage: engine.nextMessage, lastMark: step % 3 == 0 ? nil : UInt64(step),
        engineStartTime: step % 2 == 0 ? nil : Double(step), isComplete: step % 5 > 0)
      var result = original.apply(batch, from: Self.first[engine.endpoint], rank: engine.rank, position: position)
      var repeated = restored.apply(batch, from: Self.second[engine.endpoint], rank: engine.rank, position: position)
      // Which kinds of cache other groups are is no part of a snapshot.
      (result.skippedRemovals, repeated.skippedRemovals) = ([:], [:])
      #expect(result == repeated)
      compare(engine, original, restored, &dice)
      guard step % 40 == 39 else { continue }
      let file = SnapshotFile.bytes(of: original, Self.first)
      // It knows the same to the last bit, a restart or several of them ago.
      let isSame = file == SnapshotFile.bytes(of: restored, Self.second)
      #expect(isSame)
      let reading = SnapshotFile.read(file)
      #expect(reading.errors.map { "\($0)" } == [])
      #expect(reading.isComplete)
      restored = PrefixIndex(limits: limits)
      try SnapshotFile.restore(reading.sections, to: restored, Self.second)
      let isSameAgain = file == SnapshotFile.bytes(of: restored, Self.second)
      #expect(isSameAgain)
      for engine in engines { compare(engine, original, restored, &dice) }
    }
    for index in [original, restored] { for slot in Self.first + Self.second { index.remove(slot) } }
    while restored.currentStatistics().blocks > 0 { restored.maintain(now: MonotonicTime(nanoseconds: 0)) }
    #expect(restored.currentStatistics().pairs == 0)
  }

  private func compare(
    _ engine: SnapshotEngine, _ original: PrefixIndex, _ restored: PrefixIndex, _ dice: inout SeededGenerator
  ) {
    for _ in 0..<3 {
      var query = engine.query(engine.question(&dice))
      var (match, again) = (PrefixMatch(), PrefixMatch())
      original.match(&query, into: &match)
      restored.match(&query, into: &again)
      for (slot, other) in zip(Self.first, Self.second) {
        #expect(match.matchedBlocks(slot) == again.matchedBlocks(other))
        #expect(match.ratio(slot) == again.ratio(other))
        #expect(match.isAnnounced(slot) == again.isAnnounced(other))
      }
    }
    #expect(original.currentStatistics().pairs == restored.currentStatistics().pairs)
    #expect(original.currentAnnouncements().blockTokens == restored.currentAnnouncements().blockTokens)
    #expect(original.currentAnnouncements().loRANames == restored.currentAnnouncements().loRANames)
  }

  @Test(arguments: 0..<8)
  func routedBlocksAreForgottenInTheSameOrder(seed: Int) throws {
    var dice = SeededGenerator(seed: UInt64(seed) &+ 4_000)
    var limits = PrefixIndex.Limits()
    limits.defaultBlocks = Int.random(in: 1...80, using: &dice)
    let original = PrefixIndex(limits: limits)
    var restored = PrefixIndex(limits: limits)
    for step in 0..<Self.steps {
      let endpoint = Int.random(in: 0..<4, using: &dice)
      let names = (0..<Int.random(in: 1...20, using: &dice)).map { _ in Int.random(in: 0..<3, using: &dice) }
      if Int.random(in: 0..<30, using: &dice) == 0 {
        let blocks = Int.random(in: 1...80, using: &dice)
        original.setCapacity(blocks: blocks, of: Self.first[endpoint])
        restored.setCapacity(blocks: blocks, of: Self.second[endpoint])
      }
      let record = original.record(.of(names), at: Self.first[endpoint])
      let again = restored.record(.of(names), at: Self.second[endpoint])
      #expect(record.newBlocks == again.newBlocks)
      if Int.random(in: 0..<6, using: &dice) == 0 {
        original.forget(record)
        restored.forget(again)
      }
      compare(original, restored, &dice)
      guard step % 30 == 29 else { continue }
      let reading = SnapshotFile.read(SnapshotFile.bytes(of: original, Self.first))
      #expect(reading.errors.map { "\($0)" } == [])
      #expect(reading.isComplete)
      restored = PrefixIndex(limits: limits)
      try SnapshotFile.restore(reading.sections, to: restored, Self.second)
      compare(original, restored, &dice)
    }
  }

  private func compare(_ original: PrefixIndex, _ restored: PrefixIndex, _ dice: inout SeededGenerator) {
    #expect(original.pairCount == restored.pairCount)
    for _ in 0..<3 {
      let names = (0..<Int.random(in: 1...20, using: &dice)).map { _ in Int.random(in: 0..<3, using: &dice) }
      let query = PrefixQuery.of(names)
      #expect(Slots(Self.first).depths(query, in: original) == Slots(Self.second).depths(query, in: restored))
    }
  }
}
