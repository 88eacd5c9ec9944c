import EPPCore
import EPPPrefixCache
import Testing

/// Which of an engine's blocks are indexed where it has several KV cache groups, and where a connector announces blocks
/// on slower tiers in its own way.
@Suite struct KVCacheGroupTests {
  private let index = PrefixIndex()
  private let slot = EndpointSlot(index: 4, generation: 9)

  @discardableResult
  private func apply(_ write: (inout EventWriter) -> Void) throws -> AnnouncedCounts {
    var writer = EventWriter()
    write(&writer)
    let message = writer.message()
    var batch = KVEventBatch()
    try unsafe KVEventDecoder().decode(message.span.bytes, into: &batch)
    return index.apply(batch, from: slot)
  }

  /// Blocks of a prompt, and what they are worth.
  private func match(_ prompt: [UInt32]) -> (blocks: Int, worth: Double) {
    var match = PrefixMatch()
    var query = tokenQuery(EventWriter().tokens(prompt))
    index.match(&query, into: &match)
    return (match.matchedBlocks(slot), match.ratio(slot) * Double(prompt.count))
  }

  private func storeOnGPU(_ writer: inout EventWriter) {
    writer.group = 0
    writer.kind = "full_attention"
    writer.store([], [1, 2, 3], "GPU")
  }

  /// LMCache's connector, and vLLM's own before 0.31, number no groups.
  @Test(arguments: [nil, 0] as [UInt64?]) func blocksOfAConnectorAreFollowed(_ group: UInt64?) throws {
    try apply { storeOnGPU(&$0) }
    let offloaded = try apply { writer in
      writer.group = group
      for count in 1...3 { writer.relocate(Array([1, 2, 3][..<count]), "CPU") }
    }
    #expect(offloaded.stored == 3 && offloaded.notIndexed == 0)
    try apply { writer in
      writer.group = 0
      for count in (1...3).reversed() { writer.remove(Array([1, 2, 3][..<count]), "GPU") }
    }
    #expect(match([1, 2, 3]).blocks == 3)
    #expect(abs(match([1, 2, 3]).worth - 2.4) < 0.001)
    try apply { writer in
      writer.group = group
      writer.remove([1, 2, 3], "CPU")
    }
    #expect(match([1, 2, 3]).blocks == 2)
  }

  @Test func whatIsPassedOverIsCountedByItsKind() throws {
    let stored = try apply { writer in
      storeOnGPU(&writer)
      writer.group = 1
      writer.kind = "sliding_window"
      writer.store([], [1, 2, 3], "GPU")
      writer.group = 2
      writer.kind = "a_new_kind"
      writer.store([], [1], "GPU")
      writer.store([1], [2], "GPU")
      writer.group = 3
      writer.kind = "full_attention"
      writer.store([], [1], "GPU")
    }
    #expect(stored.skippedStores == [.slidingWindow: 1, .other: 2, .wholePrefix: 1] && stored.skippedRemovals == [:])
    let removed = try apply { writer in
      for group: UInt64 in [0, 1, 2, 2, 9] {
        writer.group = group
        writer.remove([1], "GPU")
      }
    }
    #expect(removed.skippedStores == [:] && removed.skippedRemovals == [.slidingWindow: 1, .other: 2])
  }

  /// What is announced twice goes when it was removed twice.
  @Test func removalsThatLeaveACopyAreCounted() throws {
    try apply { writer in
      storeOnGPU(&writer)
      writer.store([], [1], "GPU")
    }
    var removals: [AnnouncedCounts] = []
    for prefix: [UInt32] in [[1, 2, 3], [1], [1], [1]] {
      removals.append(
        try apply { writer in
          writer.group = 0
          writer.remove(prefix, "GPU")
        })
    }
    #expect(removals.map(\.removed) == [1, 1, 1, 0])
    #expect(removals.map(\.removedOneOfSeveral) == [0, 1, 0, 0])
    #expect(removals.map(\.unknown) == [0, 0, 0, 1])
  }

  /// After a late join or a cleared cache, what an offload completes may come first.
  @Test(arguments: [nil, 1] as [UInt64?]) func aConnectorDoesNotChooseTheGroup(_ group: UInt64?) throws {
    try apply { writer in
      writer.group = group
      writer.relocate([1], "CPU")
    }
    #expect(try apply { storeOnGPU(&$0) }.stored == 3)
    #expect(match([1, 2, 3]).blocks == 3)
  }

  @Test func aConnectorDoesNotChooseTheBlockSize() throws {
    try apply { writer in
      writer.blockTokens = 64
      writer.store([], [1], "CPU")
    }
    #expect(try apply { storeOnGPU(&$0) }.stored == 3)
    #expect(
      try apply {
        $0.blockTokens = 64; $0.store([], [1], "CPU")
      }.notIndexed == 1)
    #expect(match([1, 2, 3]).blocks == 3)
  }

  @Test func blocksOfSlidingWindowsAreNotIndexed() throws {
    let windows = try apply { writer in
      writer.group = 1
      writer.kind = "sliding_window"
      writer.store([], [1, 2, 3], "GPU")
    }
    #expect(windows.notIndexed == 3 && windows.stored == 0)
    #expect(match([1, 2, 3]).blocks == 0)
    try apply { storeOnGPU(&$0) }
    // Theirs have the same hashes, and go at other times.
    try apply { writer in
      writer.group = 1
      writer.remove([1, 2, 3], "GPU")
      writer.remove([1], "GPU")
      writer.relocate([1], "CPU")
    }
    #expect(match([1, 2, 3]).blocks == 3)
    #expect(index.pairCount == 3)
  }

  /// Versions that number their groups and do not say what these keep: blocks were left out.
  @Test func aStoreWithGapsChoosesNoGroup() throws {
    var batch = KVEventBatch()
    var writer = EventWriter()
    writer.group = 1
    writer.store([], [1, 2], "GPU")
    var message = writer.message()
    // The first of its two hashes is taken out: the array's count, then nine bytes.
    let start = try #require(message.firstRange(of: Array("block_hashes".utf8))).upperBound
    message[start + 2] = 1
    message.removeSubrange(start + 3..<start + 12)
    try unsafe KVEventDecoder().decode(message.span.bytes, into: &batch)
    #expect(index.apply(batch, from: slot).notIndexed == 1)
    #expect(try apply { storeOnGPU(&$0) }.stored == 3)
    #expect(match([1, 2, 3]).blocks == 3)
  }

  @Test func whatFollowsAnotherSizeIsNotIndexed() throws {
    try apply { storeOnGPU(&$0) }
    let other = try apply { writer in
      writer.group = 0
      writer.blockTokens = 32
      writer.store([], [7, 8], "GPU")
    }
    #expect(other.notIndexed == 2)
    #expect(index.pairCount == 3)
  }

  // MARK: - Which group is indexed

  /// Tokens of a prompt, named by its blocks, that the endpoint is known to hold.
  private func matchedTokens(_ prompt: [UInt32], blockTokens: Int) -> Int {
    var match = PrefixMatch()
    var query = tokenQuery(EventWriter(blockTokens: blockTokens).tokens(prompt), blockTokens: blockTokens)
    index.match(&query, into: &match)
    return match.matchedTokens(slot)
  }

  private let prompt: [UInt32] = Array(100..<116)

  private func storePrompt(_ writer: inout EventWriter, group: UInt64? = 0) {
    writer.blockTokens = 64
    writer.group = group
    writer.kind = "full_attention"
    writer.store([], prompt, "GPU")
  }

  /// The first event says little: a block of another size, one whose parent is not known, or one of another group may come before
  /// what the engine's cache is full of.
  @Test(arguments: 0..<4) func theFirstEventDoesNotDecide(first: Int) throws {
    try apply { writer in
      writer.group = first == 2 ? 1 : 0
      writer.kind = first == 3 ? nil : "full_attention"
      writer.blockTokens = first == 2 ? 64 : 16
      writer.store(first == 1 ? [90, 91] : [], [1], "GPU")
    }
    let counts = try apply { storePrompt(&$0) }
    #expect(counts.stored == 16 && counts.groupChanges == 1 && counts.incompleteGroupChanges == 0)
    #expect(index.currentAnnouncements().blockTokens == 64)
    #expect(matchedTokens(prompt, blockTokens: 64) == 1024)
    #expect(index.pairCount == 16)
  }

  /// What comes block by block is all there, what has gone meanwhile is not.
  @Test func anotherGroupBeginsWithAllThatItHasAnnounced() throws {
    try apply { writer in
      writer.group = 0
      writer.kind = "full_attention"
      writer.store([], [1, 2, 3, 4], "GPU")
      writer.blockTokens = 64
      writer.group = 1
      for count in 0..<5 { writer.store(Array(prompt[..<count]), [prompt[count]], "GPU") }
      writer.remove(Array(prompt[..<5]), "GPU")
    }
    #expect(matchedTokens([1, 2, 3, 4], blockTokens: 16) == 64)
    let counts = try apply { writer in
      writer.blockTokens = 64
      writer.group = 1
      writer.kind = "full_attention"
      for count in 4..<16 { writer.store(Array(prompt[..<count]), [prompt[count]], "GPU") }
    }
    #expect(counts.groupChanges == 1)
    #expect(matchedTokens(prompt, blockTokens: 64) == 1024)
    #expect(matchedTokens([1, 2, 3, 4], blockTokens: 16) == 0)
  }

  /// The two groups of a model announce the same blocks, one after the other.
  @Test func groupsOfOneSizeDoNotTakeTurns() throws {
    var (stored, notIndexed) = (0, 0)
    for round in 0..<50 {
      let counts = try apply { writer in
        writer.kind = "full_attention"
        for group in [0, 1] as [UInt64] {
          writer.group = group
          writer.store([], [UInt32(round)], "GPU")
        }
        guard round >= 10 else { return }
        for group in [0, 1] as [UInt64] {
          writer.group = group
          writer.remove([UInt32(round - 10)], "GPU")
        }
      }
      #expect(counts.groupChanges == 0 && counts.unusable == 0)
      stored += counts.stored
      notIndexed += counts.notIndexed
    }
    #expect(stored == 50 && notIndexed == 50)
    #expect(index.pairCount == 10)
  }

  /// The engine's own page says what its blocks are like: it counts for more than a few blocks of another size.
  @Test func theSizeThatTheEngineNamesCountsForMore() throws {
    index.setBlockTokens(64, of: slot)
    try apply { storeOnGPU(&$0) }
    let counts = try apply { writer in
      writer.blockTokens = 64
      writer.group = 0
      writer.kind = "full_attention"
      writer.store([], Array(prompt[..<2]), "GPU")
    }
    #expect(counts.groupChanges == 1)
    #expect(matchedTokens(prompt, blockTokens: 64) == 128)
  }

  /// A group that overtakes late has announced more than is remembered of it.
  @Test func aGroupThatOvertakesLateIsSaidToBeIncomplete() throws {
    var (changes, incomplete, unusable) = (0, 0, 0)
    for round in 0..<100 as Range<UInt32> {
      let counts = try apply { writer in
        writer.group = 0
        writer.kind = "full_attention"
        if round < 65 { writer.store([], Array(round * 20..<round * 20 + 16), "GPU") }
        writer.blockTokens = 64
        writer.store([], Array(round * 20..<round * 20 + 15), "GPU")
      }
      changes += counts.groupChanges
      incomplete += counts.incompleteGroupChanges
      unusable += counts.unusable
    }
    #expect(changes == 1 && incomplete == 1)
    #expect(unusable > 1300)
    #expect(index.currentAnnouncements().blockTokens == 64)
  }

  /// An engine without a whole prefix, and one whose blocks cannot be read, have nothing that is of use.
  @Test func blocksThatNothingStandsForAreCounted() throws {
    let windows = try apply { writer in
      writer.group = 1
      writer.kind = "sliding_window"
      writer.store([], [1, 2, 3], "GPU")
    }
    #expect(windows.unusable == 3)
    try apply { storeOnGPU(&$0) }
    let beside = try apply { writer in
      writer.group = 1
      writer.kind = "sliding_window"
      writer.store([], [1, 2, 3], "GPU")
    }
    #expect(beside.unusable == 0 && beside.notIndexed == 3)
  }
}
