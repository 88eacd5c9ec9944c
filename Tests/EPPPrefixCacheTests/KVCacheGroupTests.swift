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
}
