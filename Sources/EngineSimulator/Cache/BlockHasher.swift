import Crypto

/// Computes the hashes of blocks as vLLM 0.32 does: SHA-256 of the parent's digest, the block's tokens and its extra keys.
///
/// It shares no code with the picker, so that tests compare two implementations.
package struct BlockHasher: Sendable {
  /// The parent hash of a first block: the hash of the seed.
  package let root: BlockHash
  private let algorithm: HashAlgorithm

  /// The seed of vLLM when `PYTHONHASHSEED` is not set.
  package static let defaultSeed = "vllm-none-hash"

  /// Makes a hasher.
  ///
  /// - Parameters:
  ///   - algorithm: The serialisation of blocks.
  ///   - seed: Hashed to the parent of first blocks. Engines with different seeds have no hash in common.
  package init(_ algorithm: HashAlgorithm, seed: String = Self.defaultSeed) {
    self.algorithm = algorithm
    var input: [UInt8] = []
    switch algorithm {
    case .sha256: PickledBlock.append(string: seed, to: &input)
    case .sha256CBOR: CBORBlock.append(text: seed, to: &input)
    }
    root = BlockHash(SHA256.hash(data: input))
  }

  /// Returns the hash of a full block.
  ///
  /// - Parameters:
  ///   - parent: The hash of the block before; nil for the first block of a sequence.
  ///   - keys: The block's extra keys.
  func hash(parent: BlockHash?, tokens: ArraySlice<UInt32>, keys: [CacheNamespace.Key]) -> BlockHash {
    let parent = (parent ?? root).bytes
    var input: [UInt8] = []
    input.reserveCapacity(64 + 5 * tokens.count)
    switch algorithm {
    case .sha256: PickledBlock.append(parent: parent, tokens: tokens, keys: keys, to: &input)
    case .sha256CBOR: CBORBlock.append(parent: parent, tokens: tokens, keys: keys, to: &input)
    }
    return BlockHash(SHA256.hash(data: input))
  }
}

/// The serialisation of a block that is hashed with SHA-256: vLLM's `--prefix-caching-hash-algo`.
package enum HashAlgorithm: String, Sendable, CaseIterable {
  /// Python's pickle, protocol 5.
  case sha256
  /// Canonical CBOR.
  case sha256CBOR = "sha256_cbor"
}
