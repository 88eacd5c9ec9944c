import Crypto

/// Names blocks as vLLM 0.32 does: SHA-256 over the parent's digest, the block's tokens and its extra keys. It is the
/// engine's own, so that a picker which computes the same hashes is checked by code that it does not share.
package struct BlockHasher: Sendable {
  /// What stands for the parent of a first block.
  package let root: BlockHash
  private let algorithm: HashAlgorithm

  /// What vLLM hashes for a missing parent when `PYTHONHASHSEED` is not set.
  package static let defaultSeed = "vllm-none-hash"

  /// - Parameter seed: engines with different seeds have no hash in common.
  package init(_ algorithm: HashAlgorithm, seed: String = Self.defaultSeed) {
    self.algorithm = algorithm
    var input: [UInt8] = []
    switch algorithm {
    case .sha256: PickledBlock.append(string: seed, to: &input)
    case .sha256CBOR: CBORBlock.append(text: seed, to: &input)
    }
    root = BlockHash(SHA256.hash(data: input))
  }

  /// The hash of a full block; `parent` is nil for the first one of a sequence.
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
