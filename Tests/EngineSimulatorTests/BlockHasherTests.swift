import EngineSimulator
import Testing

/// Hashes that a plain Python with pickle, cbor2 and hashlib computes for the same tuples.
@Suite struct BlockHasherTests {
  private func low64(
    _ algorithm: HashAlgorithm, _ tokens: [UInt32], adapter: LoadedAdapter? = nil, salt: String? = nil,
    seed: String = BlockHasher.defaultSeed, blockTokens: Int = 16
  ) -> [UInt64] {
    var chain = BlockChain(
      blockTokens: blockTokens, hasher: BlockHasher(algorithm, seed: seed),
      namespace: CacheNamespace(adapter: adapter, salt: salt))
    chain.append(tokens)
    return chain.hashes.map(\.low64)
  }

  private let tokens = (0..<32).map { UInt32($0) }

  @Test(arguments: [
    (HashAlgorithm.sha256, "066b1e8987e027138e98701c46128929378935f9b6cd1549105ae6b4f0d71198"),
    (.sha256CBOR, "9bd96a485ad84efdafb72ee48a1d7a69bcead0f8f0433173941b276b9581eef0"),
  ])
  func theMissingParentIsTheHashOfTheSeed(algorithm: HashAlgorithm, expected: String) {
    let digits = BlockHasher(algorithm).root.bytes.map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    #expect(digits.joined() == expected)
  }

  @Test func plainBlocksHaveVLLMsHashes() {
    #expect(low64(.sha256, tokens) == [3_262_291_359_910_021_016, 7_142_137_847_444_424_233])
    #expect(low64(.sha256CBOR, tokens) == [2_233_398_808_101_521_225, 17_911_472_383_915_781_900])
  }

  @Test func anotherSeedGivesOtherHashes() {
    #expect(low64(.sha256, tokens, seed: "0").first == 7_982_712_666_671_721_126)
    #expect(low64(.sha256CBOR, tokens, seed: "0").first == 12_687_895_063_098_490_012)
  }

  @Test func tokensOfEveryWidthAreWrittenAsPythonWritesThem() {
    let wide: [UInt32] = [
      0, 23, 24, 255, 256, 65_535, 65_536, .max >> 1, 1 << 31, .max, 5, 6, 7, 8, 9, 10,
    ]
    #expect(low64(.sha256, wide) == [18_192_403_676_009_269_959])
    #expect(low64(.sha256CBOR, wide) == [1_229_135_526_131_426_634])
  }

  @Test(
    arguments: [
      (1, 2_881_267_384_733_697_537, 1_027_942_171_217_286_754),
      (2, 696_839_729_709_989_156, 11_946_674_800_755_412_222),
      (3, 11_733_074_018_308_123_972, 13_713_914_446_584_723_171),
    ] as [(Int, UInt64, UInt64)])
  func shortBlocksAreTuplesOfTheirOwnForm(blockTokens: Int, pickled: UInt64, canonical: UInt64) {
    let tokens = Array(tokens.prefix(blockTokens))
    #expect(low64(.sha256, tokens, blockTokens: blockTokens) == [pickled])
    #expect(low64(.sha256CBOR, tokens, blockTokens: blockTokens) == [canonical])
  }

  private let adapter = LoadedAdapter(name: "lora-a", path: "/models/a")

  @Test func adaptersAndSaltsAreHashedWithTheBlock() {
    let first = Array(tokens.prefix(16))
    #expect(low64(.sha256, first, salt: "tenant-a") == [12_616_911_002_861_201_973])
    #expect(low64(.sha256CBOR, first, salt: "tenant-a") == [1_072_837_495_201_822_809])
    #expect(low64(.sha256, first, adapter: adapter) == [12_980_454_730_466_852_417])
    #expect(low64(.sha256CBOR, first, adapter: adapter) == [3_570_936_448_860_726_750])
    #expect(low64(.sha256, first, adapter: adapter, salt: "tenant-a") == [5_789_843_176_705_238_293])
    #expect(low64(.sha256CBOR, first, adapter: adapter, salt: "tenant-a") == [7_767_582_730_604_346_628])
    let long = String(repeating: "x", count: 300)
    #expect(low64(.sha256, first, salt: long) == [13_976_178_999_888_247_245])
    #expect(low64(.sha256CBOR, first, salt: long) == [10_272_941_915_121_622_943])
  }
}
