/// A sequence of tokens as the prefix cache sees it: its tokens, and the hash of every full block.
///
/// A block's hash covers everything before it, so that equal hashes mean equal prefixes.
package struct BlockChain: Sendable {
  package private(set) var tokens: [UInt32] = []
  /// Hashes of the full blocks, first block first.
  package private(set) var hashes: [BlockHash] = []
  package let namespace: CacheNamespace
  package let blockTokens: Int
  private let hasher: BlockHasher

  /// An empty sequence; `blockTokens` is at least 1. Sequences in different namespaces have nothing in common.
  package init(blockTokens: Int, hasher: BlockHasher, namespace: CacheNamespace = CacheNamespace()) {
    self.blockTokens = max(1, blockTokens)
    self.hasher = hasher
    self.namespace = namespace
  }

  /// Adds tokens to the end.
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

  /// Blocks that so many tokens take.
  package func blocks(holding count: Int) -> Int { (count + blockTokens - 1) / blockTokens }

  /// What the cache tells when it stores these blocks, which are full.
  func stored(_ blocks: Range<Int>, sessionID: String?) -> StoredBlocks {
    StoredBlocks(
      hashes: Array(hashes[blocks]), parent: blocks.lowerBound > 0 ? hashes[blocks.lowerBound - 1] : nil,
      tokens: Array(tokens[blocks.lowerBound * blockTokens..<blocks.upperBound * blockTokens]),
      blockTokens: blockTokens, adapter: namespace.adapter,
      extraKeys: blocks.map { namespace.keys(ofBlock: $0).map(\.published) }, sessionID: sessionID)
  }
}
