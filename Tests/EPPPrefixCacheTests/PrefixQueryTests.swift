import EPPCore
import EPPPrefixCache
import Testing

@Suite struct PrefixQueryTests {
  let request = InferenceRequest(api: .completions, model: "m")

  @Test func onlyFullBlocksCount() {
    var query = PrefixQuery()
    for (bytes, blocks) in [(0, 0), (63, 0), (64, 1), (127, 1), (128, 2)] {
      var prompt = CanonicalPrompt()
      prompt.bytes = Array(repeating: 7, count: bytes)
      prompt.prompts = [0..<bytes]
      query.reset(for: prompt, request: request, hasher: PrefixQuery.hasher, maximumBlocks: .max)
      #expect(query.blockCount == blocks)
    }
    var ids = CanonicalPrompt()
    ids.tokens = Array(repeating: 7, count: 33)
    ids.prompts = [0..<33]
    query.reset(for: ids, request: request, hasher: PrefixQuery.hasher, maximumBlocks: .max)
    #expect(query.blockCount == 2)
  }

  @Test func promptsOfAListAreCountedTogetherAndHashedApart() {
    let pool = Slots(2)
    let index = PrefixIndex()
    _ = index.record(.of([1, 2]), at: pool[0])
    _ = index.record(.of([3]), at: pool[1])
    let list = PrefixQuery.of([3, 4, 5], [1, 2, 9], [8])
    #expect(list.blockCount == 7)
    #expect(pool.depths(list, in: index) == [2, 1])
    _ = index.record(list, at: pool[1])
    #expect(pool.depths(.of([8]), in: index) == [0, 1])
    #expect(pool.depths(list, in: index) == [2, 7])
  }

  @Test func aListOfVeryManyPromptsIsNotLookedUpWhole() {
    var prompt = CanonicalPrompt()
    prompt.bytes = Array(repeating: 7, count: 64 * 10_000)
    prompt.prompts = (0..<10_000).map { $0 * 64..<($0 + 1) * 64 }
    var query = PrefixQuery()
    query.reset(for: prompt, request: request, hasher: PrefixQuery.hasher, maximumBlocks: .max)
    #expect(query.blockCount == 256)
  }

  @Test func theMaximumBoundsTheRequest() {
    #expect(PrefixQuery.of([1, 2, 3], [4, 5, 6], maximum: 2).blockCount == 2)
    #expect(PrefixQuery.of([1, 2, 3], [4, 5, 6], maximum: 5).blockCount == 5)
    #expect(PrefixQuery.of([1], maximum: 0).blockCount == 0)
  }

  @Test func whatIsNotLookedUpIsTold() {
    #expect(!PrefixQuery.of([1, 2, 3], [4, 5, 6], maximum: 6).isCut)
    #expect(PrefixQuery.of([1, 2, 3], [4, 5, 6], maximum: 5).isCut)
    #expect(PrefixQuery.of([1, 2, 3], [4, 5, 6], maximum: 3).isCut)
    #expect(PrefixQuery.of([1], maximum: 0).isCut)
    var prompt = CanonicalPrompt()
    prompt.bytes = Array(repeating: 7, count: 64 * 257)
    prompt.prompts = (0..<256).map { $0 * 64..<($0 + 1) * 64 }
    var query = PrefixQuery()
    query.reset(for: prompt, request: request, hasher: PrefixQuery.hasher, maximumBlocks: .max)
    #expect(!query.isCut)
    prompt.prompts.append(256 * 64..<257 * 64)
    query.reset(for: prompt, request: request, hasher: PrefixQuery.hasher, maximumBlocks: .max)
    #expect(query.isCut && query.blockCount == 256)
    query.removeAll()
    #expect(!query.isCut)
  }

  @Test func keysAreMadeOnlyAsFarAsSomebodyMayHoldThem() {
    let pool = Slots(3)
    let index = PrefixIndex()
    var match = PrefixMatch()
    let long = Array(0..<5_000)
    var cold = PrefixQuery.lazy(long)
    #expect(cold.madeCount == 0)
    index.match(&cold, into: &match)
    #expect(cold.madeCount == 128)
    #expect(match.totalBlocks == 5_000)

    _ = index.record(.of(Array(long[..<700])), at: pool[1])
    var warm = PrefixQuery.lazy(long)
    index.match(&warm, into: &match)
    #expect(pool.slots.map { match.matchedBlocks($0) } == [0, 700, 0])
    #expect((700...1_500).contains(warm.madeCount))

    // Recording makes the rest, and it is the same as if all had been made at once.
    _ = index.record(&warm, at: pool[2])
    #expect(warm.madeCount == 5_000)
    #expect(pool.depths(.of(long), in: index) == [0, 700, 5_000])
  }

  @Test func lazyAndEagerKeysAreTheSameWhereverMatchingStops() {
    let pool = Slots(1)
    for length in [1, 127, 128, 129, 256, 257, 1_000] {
      for held in [0, 1, 127, 128, 129, 255, 256, 999] where held <= length {
        let index = PrefixIndex()
        let names = Array(0..<length)
        if held > 0 { _ = index.record(.of(Array(names[..<held])), at: pool[0]) }
        var query = PrefixQuery.lazy(names, names)
        var match = PrefixMatch()
        index.match(&query, into: &match)
        #expect(match.matchedBlocks(pool[0]) == 2 * held)
        #expect(pool.depths(.of(names), in: index) == [held])
        _ = index.record(&query, at: pool[0])
        #expect(pool.depths(.of(names, names), in: index) == [2 * length])
      }
    }
  }

  @Test func aReusedQueryKnowsNothingOfEarlierRequests() {
    let pool = Slots(1)
    let index = PrefixIndex()
    _ = index.record(.of([1, 2, 3]), at: pool[0])
    var query = PrefixQuery.of([1, 2, 3])
    query.reset(
      for: PromptText.prompt([[9]]), request: request, hasher: PrefixQuery.hasher, maximumBlocks: .max)
    #expect(query.blockCount == 1)
    #expect(pool.depths(query, in: index) == [0])
    query.removeAll()
    #expect(query.blockCount == 0)
    #expect(pool.depths(query, in: index) == [0])
    query.begin(
      for: PromptText.prompt([[1, 2, 4]]), request: request, hasher: PrefixQuery.hasher, maximumTokens: .max,
      blockTokens: 16)
    query.finish()
    #expect(pool.depths(query, in: index) == [2])
  }
}
