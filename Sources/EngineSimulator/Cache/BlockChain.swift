/// A sequence of tokens with the prefix cache's hash of every full block.
///
/// The hash of a block includes all tokens before it, so that equal hashes mean equal prefixes.
package struct BlockChain: Sendable {
  /// All tokens of the sequence.
  package private(set) var tokens: [UInt32] = []
  /// Hashes of the full blocks, first block first.
  package private(set) var hashes: [BlockHash] = []
  /// The cache namespace; sequences in different namespaces have no hash in common.
  package let namespace: CacheNamespace
  /// Tokens of a block, at least 1.
  package let blockTokens: Int
  private let hasher: BlockHasher

  /// Makes an empty sequence.
  ///
  /// - Parameters:
  ///   - blockTokens: Tokens of a block; raised to 1.
  ///   - hasher: Computes the hashes of blocks.
  ///   - namespace: The cache namespace.
  package init(blockTokens: Int, hasher: BlockHasher, namespace: CacheNamespace = CacheNamespace()) {
    self.blockTokens = max(1, blockTokens)
    self.hasher = hasher
    self.namespace = namespace
  }

  /// Appends tokens, and hashes the blocks that become full.
  package mutating func append(_ more: some Sequence<UInt32>) {
    tokens.append(contentsOf: more)
    while (hashes.count + 1) * blockTokens <= tokens.count {
      let index = hashes.count
      hashes.append(
        hasher.hash(
          parent: hashes.last, tokens: tokens[index * blockTokens..<(index + 1) * blockTokens],
          keys: namespace.keys(ofBlock: index)))
    }
  }

  /// Returns the number of blocks that `count` tokens need.
  package func blocks(holding count: Int) -> Int { (count + blockTokens - 1) / blockTokens }

  /// Returns what identifies the blocks of the first `count` tokens.
  func prefix(_ count: Int) -> PromptBlocks {
    let full = min(count / blockTokens, hashes.count)
    let rest = tokens[full * blockTokens..<max(count, full * blockTokens)]
    let tail =
      rest.isEmpty
      ? nil : hasher.hash(parent: full > 0 ? hashes[full - 1] : nil, tokens: rest, keys: namespace.keys(ofBlock: full))
    return PromptBlocks(hashes: Array(hashes[..<full]), tail: tail, tokens: count)
  }

  /// Returns the contents of the event with which the cache announces a range of full blocks.
  func stored(_ blocks: Range<Int>, sessionID: String?) -> StoredBlocks {
    StoredBlocks(
      hashes: Array(hashes[blocks]), parent: blocks.lowerBound > 0 ? hashes[blocks.lowerBound - 1] : nil,
      tokens: Array(tokens[blocks.lowerBound * blockTokens..<blocks.upperBound * blockTokens]),
      blockTokens: blockTokens, adapter: namespace.adapter,
      extraKeys: blocks.map { namespace.keys(ofBlock: $0).map(\.published) }, sessionID: sessionID)
  }
}
