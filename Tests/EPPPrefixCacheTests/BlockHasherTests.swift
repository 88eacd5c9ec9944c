import EPPCore
import EPPPrefixCache
import Testing

@Suite struct BlockHasherTests {
  let pool = Slots(1)

  /// Blocks of `second` that are taken as held after `first` was recorded.
  private func shared(_ first: PrefixQuery, _ second: PrefixQuery) -> Int {
    let index = PrefixIndex()
    _ = index.record(first, at: pool[0])
    return pool.depths(second, in: index)[0]
  }

  @Test func equalPromptsShareAllBlocksAndForkedOnesTheHead() {
    #expect(shared(.of([1, 2, 3]), .of([1, 2, 3])) == 3)
    #expect(shared(.of([1, 2, 3]), .of([1, 2, 4])) == 2)
    #expect(shared(.of([1, 2, 3]), .of([5, 2, 3])) == 0)
  }

  @Test func anEqualBlockBehindAnotherPrefixIsAnotherKey() {
    #expect(shared(.of([1, 2]), .of([2])) == 0)
    #expect(shared(.of([1, 1, 1]), .of([1, 1, 1, 1])) == 3)
  }

  @Test func modelSaltAndSeedKeepRequestsApart() {
    #expect(shared(.of([1], model: "a"), .of([1], model: "b")) == 0)
    #expect(shared(.of([1], salt: "s"), .of([1])) == 0)
    #expect(shared(.of([1], salt: ""), .of([1])) == 0)
    #expect(shared(.of([1], salt: "s"), .of([1], salt: "s")) == 1)
    // Where the model ends and the salt begins matters.
    #expect(shared(.of([1], model: "ab", salt: "c"), .of([1], model: "a", salt: "bc")) == 0)
    #expect(shared(.of([1], model: "12345678", salt: "9"), .of([1], model: "1234567", salt: "89")) == 0)
    let other = BlockHasher(seed: HashSeed(first: 11, second: 13))
    #expect(shared(.of([1]), .of([1], hasher: other)) == 0)
  }

  @Test func tokenIDsAndTextWithTheSameBytesShareNothing() {
    var text = CanonicalPrompt()
    text.bytes = Array(repeating: 0, count: 64)
    text.prompts = [0..<64]
    var ids = CanonicalPrompt()
    ids.tokens = Array(repeating: 0, count: 16)
    ids.prompts = [0..<16]
    let request = InferenceRequest(api: .completions, model: "m")
    var (textQuery, idQuery) = (PrefixQuery(), PrefixQuery())
    textQuery.reset(for: text, request: request, hasher: PrefixQuery.hasher, maximumBlocks: 9)
    idQuery.reset(for: ids, request: request, hasher: PrefixQuery.hasher, maximumBlocks: 9)
    #expect(textQuery.blockCount == 1)
    #expect(idQuery.blockCount == 1)
    #expect(shared(textQuery, idQuery) == 0)
    #expect(shared(idQuery, idQuery) == 1)
  }

  @Test func everyByteOfABlockCounts() {
    let request = InferenceRequest(api: .completions, model: "m")
    var prompt = PromptText.prompt([[1]])
    var query = PrefixQuery()
    query.reset(for: prompt, request: request, hasher: PrefixQuery.hasher, maximumBlocks: 1)
    for position in 0..<64 {
      for bit in 0..<8 {
        prompt.bytes[position] ^= 1 << bit
        var changed = PrefixQuery()
        changed.reset(for: prompt, request: request, hasher: PrefixQuery.hasher, maximumBlocks: 1)
        #expect(shared(query, changed) == 0)
        prompt.bytes[position] ^= 1 << bit
      }
    }
  }

  @Test func wordsOfTheConstantsOfTheFamilyDoNotMakeAFactorZero() {
    // Against known constants, a block that begins with one of them would hide the word beside it.
    let known: [UInt64] = [
      0xA076_1D64_78BD_642F, 0xE703_7ED1_A0B4_28DB, 0x8EBC_6AF0_9C88_C6E3, 0x5899_65CC_7537_4CC3, 0,
      0x9E37_79B9_7F4A_7C15,
    ]
    let request = InferenceRequest(api: .completions, model: "m")
    for constant in known {
      var queries: [PrefixQuery] = []
      for hidden in 0..<2 as Range<UInt64> {
        var prompt = CanonicalPrompt()
        for _ in 0..<4 {
          for word in [constant, hidden] {
            for shift in 0..<8 { prompt.bytes.append(UInt8(truncatingIfNeeded: word >> (8 * UInt64(shift)))) }
          }
        }
        prompt.prompts = [0..<64]
        var query = PrefixQuery()
        query.reset(for: prompt, request: request, hasher: PrefixQuery.hasher, maximumBlocks: 1)
        queries.append(query)
      }
      #expect(shared(queries[0], queries[1]) == 0)
    }
  }

  @Test func aRandomSeedIsAnotherOneEachTime() {
    #expect(HashSeed.random() != HashSeed.random())
  }
}
