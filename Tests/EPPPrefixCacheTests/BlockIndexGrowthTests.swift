import EPPCore
import EPPTestKit
import Synchronization
import Testing

@testable import EPPPrefixCache

/// One thread changes the index so that its tables grow, shrink and give memory back all the time, while others look: what
/// they see is what was there, and the memory that they look at is still the index's.
@Suite struct BlockIndexGrowthTests {
  /// Keys with the same upper bits: they share a segment, so that a few thousand make it grow several times over.
  private static func key(_ number: Int) -> BlockKey {
    BlockKey(rawValue: 7 << 54 | (UInt64(number) &* 0x9E37_79B9_7F4A_7C15) >> 10 & ~0xFFF)
  }

  private final class Progress: Sendable {
    let isDone = Atomic(false)
    let looks = Atomic(0)
  }

  /// One segment of the table, as small as they get.
  private static let segmentBytes = 8 * 512
  /// One segment of the arena of sets.
  private static let arenaBytes = 8 * HolderSets.segmentWords

  /// Runs a writer beside readers until both have done enough.
  ///
  /// - Parameters:
  ///   - leastBytes: what is left in the end, when all that was kept for readers is gone.
  ///   - look: takes something out of the index, in an epoch.
  ///   - check: looks at it again, in the same epoch, when the writer has gone on.
  private func run<Look: Sendable>(
    _ index: BlockIndex, rounds: Int, leastBytes: Int, write: @escaping @Sendable (inout BlockIndexWriter, Int) -> Void,
    look: @escaping @Sendable (BlockIndex, inout SeededGenerator) -> Look,
    check: @escaping @Sendable (BlockIndex, Look) -> Void
  ) async {
    let progress = Progress()
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        var writer = BlockIndexWriter(index)
        var round = 0
        while round < rounds || progress.looks.load(ordering: .relaxed) < 1_000 {
          write(&writer, round)
          writer.maintain()
          round += 1
          // There may be fewer threads than tasks: none may keep its one for itself.
          await Task.yield()
        }
        progress.isDone.store(true, ordering: .releasing)
        // The last readers go, and with them what was kept for them.
        var waits = 0
        while writer.sizeInBytes > leastBytes, waits < 1_000_000 {
          writer.maintain()
          waits += 1
          await Task.yield()
        }
        let bytes = writer.sizeInBytes
        #expect(bytes == leastBytes)
      }
      for number in 0..<3 as Range<UInt64> {
        group.addTask {
          var dice = SeededGenerator(seed: 40 + number)
          let place = index.epochs.makeReader()
          while !progress.isDone.load(ordering: .acquiring) {
            index.epochs.enter(place)
            let found = look(index, &dice)
            for _ in 0..<3 {
              await Task.yield()
              check(index, found)
            }
            index.epochs.leave(place)
            progress.looks.add(1, ordering: .relaxed)
            await Task.yield()
          }
        }
      }
    }
  }

  private static let holder = Holder(number: 3)
  private static let other = Holder(number: 4)

  /// A segment of 448 slots gets 6,000 blocks and loses them again; 100 stay.
  @Test func segmentsGrowAndShrinkUnderReaders() async throws {
    let index = try #require(BlockIndex())
    await run(
      index, rounds: 12, leastBytes: Self.segmentBytes, write: Self.growAndShrink, look: Self.lookAtSegment,
      check: Self.checkSegment)
  }

  /// A look may last longer than the writer.
  @Test func theEndOfTheWriterTakesNothingFromItsReaders() throws {
    let index = try #require(BlockIndex())
    let reader = index.epochs.makeReader()
    var segment: SharedWords?
    do {
      var writer = BlockIndexWriter(index)
      writer.insert(Self.key(0), Self.holder)
      index.epochs.enter(reader)
      segment = index.table.segment(BlockTable.segmentNumber(of: Self.key(0)))
      for number in 1..<1_000 { writer.insert(Self.key(number), Self.other) }
      writer.maintain()
      #expect(writer.sizeInBytes > 8 * 1_000)
    }
    #expect(index.table.segment(BlockTable.segmentNumber(of: Self.key(0)))?.packed != segment?.packed)
    Self.checkSegment(index, segment)
    index.epochs.leave(reader)
  }

  private static func growAndShrink(_ writer: inout BlockIndexWriter, _ round: Int) {
    if round == 0 { for number in 0..<100 { writer.insert(key(number), holder) } }
    for number in 100..<6_000 { writer.insert(key(number), other) }
    for number in 100..<6_000 { writer.remove(key(number), other) }
    for _ in 0..<8 * BlockTable.segmentCount { writer.maintain() }
    let blocks = writer.blockCount
    #expect(blocks == 100)
  }

  private static func lookAtSegment(_ index: BlockIndex, _ dice: inout SeededGenerator) -> SharedWords? {
    // In the first round they come in this order.
    var isThere = false
    for number in (0..<100).reversed() {
      let set = index.table.set(of: key(number))
      #expect(isThere ? set.single == holder : set.isEmpty || set.single == holder)
      if !set.isEmpty { isThere = true }
    }
    for _ in 0..<50 {
      let set = index.table.set(of: key(Int.random(in: 100..<6_000, using: &dice)))
      #expect(set.isEmpty || set.single == other)
    }
    return index.table.segment(BlockTable.segmentNumber(of: key(0)))
  }

  /// A segment that has been replaced meanwhile is still there.
  private static func checkSegment(_ index: BlockIndex, _ segment: SharedWords?) {
    guard let segment else { return }
    var strangers = 0
    for position in 0..<segment.count where position % BlockTable.bucketWords > 0 {
      let set = BlockTable.set(in: segment.load(position))
      if !set.isEmpty, set.single != holder, set.single != other { strangers += 1 }
    }
    #expect(strangers == 0)
  }

  private static let blocks = 64

  /// Thousands of sets come and go, and their places in the arena are given out again: a block's set never has a member
  /// that no set of that block had.
  @Test func placesOfSetsAreNotGivenOutUnderReaders() async throws {
    let index = try #require(BlockIndex())
    await run(
      index, rounds: 400, leastBytes: Self.segmentBytes + Self.arenaBytes, write: Self.changeSets,
      look: Self.lookAtSet, check: Self.checkSet)
  }

  /// Members of sets of block b are b, b + 64, b + 128, ...
  private static func changeSets(_ writer: inout BlockIndexWriter, _ round: Int) {
    var dice = SeededGenerator(seed: UInt64(round))
    for block in 0..<blocks {
      for _ in 0..<24 {
        let holder = Holder(number: block + blocks * Int.random(in: 0..<40, using: &dice))
        if Bool.random(using: &dice) { writer.insert(key(block), holder) } else { writer.remove(key(block), holder) }
      }
    }
  }

  private struct Look {
    var block: Int
    var set: HolderSetID
  }

  private static func lookAtSet(_ index: BlockIndex, _ dice: inout SeededGenerator) -> Look {
    let block = Int.random(in: 0..<blocks, using: &dice)
    return Look(block: block, set: index.table.set(of: key(block)))
  }

  private static func checkSet(_ index: BlockIndex, _ look: Look) {
    var strangers = 0
    index.sets.forEachMember(of: look.set) { if $0 % blocks != look.block { strangers += 1 } }
    #expect(strangers == 0)
  }
}
