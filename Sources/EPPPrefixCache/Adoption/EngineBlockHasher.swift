import Crypto

/// Computes the hashes that vLLM gives its blocks from their tokens: `f((parent, tokens, extra keys))`, where `f` is SHA-256
/// over the tuple as Python pickles it (protocol 5), or over its canonical CBOR.
///
/// Used in two places only, because a hash costs as much as two hundred block keys: to check that an engine's tokens and block
/// size are as announced (`EngineHashCheck`), and to place blocks whose parent was stored before the events were followed
/// (`PrefixIndex.adopt`).
package struct EngineBlockHasher: Sendable {
  /// vLLM's `--prefix-caching-hash-algo`.
  package enum Algorithm: String, Sendable, CaseIterable {
    case sha256
    case sha256CBOR = "sha256_cbor"
  }

  /// The whole SHA-256 digest of a block. Engines announce its last eight bytes.
  package struct Digest: Sendable, Hashable {
    /// All 32 bytes.
    package let bytes: [UInt8]

    /// The last eight bytes as a big-endian integer, as vLLM announces them.
    package var low64: UInt64 { bytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) } }
  }

  /// The text that vLLM since 0.32 hashes in place of a missing parent if `PYTHONHASHSEED` is not set. Earlier versions use
  /// random bytes: their hashes cannot be computed.
  package static let defaultSeed = "vllm-none-hash"

  /// The digest that is the parent of every first block.
  package let root: Digest
  /// The hash algorithm.
  package let algorithm: Algorithm

  /// - Parameters:
  ///   - algorithm: the engine's hash algorithm.
  ///   - seed: the engine's `PYTHONHASHSEED`, or `defaultSeed`.
  package init(_ algorithm: Algorithm, seed: String = Self.defaultSeed) {
    self.algorithm = algorithm
    var input: [UInt8] = []
    switch algorithm {
    case .sha256: Pickle.appendSeed(seed, to: &input)
    case .sha256CBOR: CBOR.append(text: seed, to: &input)
    }
    root = Self.digest(input)
  }

  /// The hash of a block without extra keys, or with a cache salt alone, for which only CBOR has a settled form.
  ///
  /// - Parameters:
  ///   - parent: the digest of the block before it; `root` for the first one.
  ///   - tokens: all tokens of the block.
  ///   - cacheSalt: the salt of a first block; nil for none.
  /// - Returns: nil when the serialized form is not known: blocks of fewer than four tokens, and salts under pickle.
  package func hash(
    after parent: Digest, _ tokens: some RandomAccessCollection<UInt32>, cacheSalt: String? = nil
  ) -> Digest? {
    // Python writes tuples of up to three elements in another way.
    guard tokens.count >= 4 else { return nil }
    var input: [UInt8] = []
    input.reserveCapacity(64 + 5 * tokens.count)
    switch algorithm {
    case .sha256:
      guard cacheSalt == nil else { return nil }
      Pickle.appendBlock(parent.bytes, tokens, to: &input)
    case .sha256CBOR:
      CBOR.appendBlock(parent.bytes, tokens, cacheSalt, to: &input)
    }
    return Self.digest(input)
  }

  /// The hashes that an engine announces for the full blocks of a prompt without extra keys, in order.
  ///
  /// Takes about 1.5 µs a block.
  package func hashes(of tokens: [UInt32], blockTokens: Int) -> [UInt64] {
    guard blockTokens > 0 else { return [] }
    var parent = root
    var hashes: [UInt64] = []
    hashes.reserveCapacity(tokens.count / blockTokens)
    for start in stride(from: 0, to: tokens.count - blockTokens + 1, by: blockTokens) {
      guard let digest = hash(after: parent, tokens[start..<(start + blockTokens)]) else { break }
      hashes.append(digest.low64)
      parent = digest
    }
    return hashes
  }

  private static func digest(_ input: [UInt8]) -> Digest { Digest(bytes: Array(SHA256.hash(data: input))) }
}
