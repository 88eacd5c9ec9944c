import EPPPrefixCache
import Testing

@Suite struct EngineBlockHasherTests {
  /// Measured with vLLM 0.32: tokens 0 to 15, then 16 to 31.
  @Test(
    arguments: [
      (EngineBlockHasher.Algorithm.sha256, "vllm-none-hash", 3_262_291_359_910_021_016, 7_142_137_847_444_424_233),
      (.sha256, "0", 7_982_712_666_671_721_126, 12_675_106_281_628_537_544),
      (.sha256CBOR, "vllm-none-hash", 2_233_398_808_101_521_225, 17_911_472_383_915_781_900),
      (.sha256CBOR, "0", 12_687_895_063_098_490_012, 1_814_341_696_565_857_452),
    ] as [(EngineBlockHasher.Algorithm, String, UInt64, UInt64)])
  func goldenHashes(_ algorithm: EngineBlockHasher.Algorithm, _ seed: String, _ first: UInt64, _ second: UInt64) throws
  {
    let hasher = EngineBlockHasher(algorithm, seed: seed)
    let one = try #require(hasher.hash(after: hasher.root, UInt32(0)..<16))
    #expect(one.low64 == first)
    #expect(hasher.hash(after: one, UInt32(16)..<32)?.low64 == second)
  }

  @Test func goldenRoots() {
    #expect(EngineBlockHasher(.sha256).root.bytes.prefix(4) == [0x06, 0x6B, 0x1E, 0x89])
    #expect(EngineBlockHasher(.sha256).root.bytes.suffix(4) == [0x5A, 0xE6, 0xB4, 0xF0, 0xD7, 0x11, 0x98].suffix(4))
    #expect(EngineBlockHasher(.sha256CBOR).root.bytes.prefix(4) == [0x9B, 0xD9, 0x6A, 0x48])
    #expect(EngineBlockHasher(.sha256, seed: "0").root.bytes.prefix(4) == [0x19, 0x73, 0xE2, 0x38])
  }

  /// Every block that real engines stored: its tokens hash to what the engine said.
  @Test(arguments: [
    ("v0.32.0-sha256", EngineBlockHasher.Algorithm.sha256, EngineBlockHasher.defaultSeed),
    ("v0.32.0-sha256_cbor", .sha256CBOR, EngineBlockHasher.defaultSeed),
    ("v0.32.0-sha256_cbor-bytes", .sha256CBOR, "42"), ("v0.22.1-sha256_cbor-block16", .sha256CBOR, "0"),
  ]) func hashesOfRealEngines(_ name: String, _ algorithm: EngineBlockHasher.Algorithm, _ seed: String) throws {
    let hasher = EngineBlockHasher(algorithm, seed: seed)
    var known: [UInt64: EngineBlockHasher.Digest] = [:]
    var checked = 0
    var salted = 0
    for capture in try Capture.read(name) {
      var batch = KVEventBatch()
      try unsafe KVEventDecoder().decode(capture.bytes.span.bytes, into: &batch)
      for case .stored(let stored) in batch.events {
        var parent = hasher.root
        if let hash = stored.parent {
          // Blocks behind one whose salt cannot be pickled.
          guard let digest = known[hash] else { continue }
          parent = digest
        }
        for (position, hash) in batch.hashes[stored.hashes].enumerated() {
          let start = stored.tokens.lowerBound + position * stored.blockTokens
          var salt: String?
          if position < stored.extraKeys.count, case .text(let text) = stored.extraKeys[position].first { salt = text }
          // Before 0.32 a salt went into the hash without its tag.
          if salt != nil, name.hasPrefix("v0.22") { break }
          guard
            let digest = hasher.hash(after: parent, batch.tokens[start..<(start + stored.blockTokens)], cacheSalt: salt)
          else { break }
          #expect(digest.low64 == hash, "\(capture), block \(position)")
          known[hash] = digest
          parent = digest
          checked += 1
          salted += salt == nil ? 0 : 1
        }
      }
    }
    #expect(checked > 50)
    #expect(salted == (algorithm == .sha256 || name.hasPrefix("v0.22") ? 0 : 2))
  }

  @Test func whatHasNoSettledFormHasNoHash() {
    let pickled = EngineBlockHasher(.sha256)
    #expect(pickled.hash(after: pickled.root, [1, 2, 3]) == nil)
    #expect(pickled.hash(after: pickled.root, [1, 2, 3, 4], cacheSalt: "x") == nil)
  }

  @Test func tokensOfEveryWidthDiffer() {
    for algorithm in EngineBlockHasher.Algorithm.allCases {
      let hasher = EngineBlockHasher(algorithm)
      let hashes = [0, 23, 24, 255, 256, 65_535, 65_536, 200_000].map {
        hasher.hash(after: hasher.root, [$0, 1, 2, 3])
      }
      #expect(Set(hashes).count == hashes.count)
    }
  }
}
