/// Consecutive blocks of one request, with the properties that an event announces.
package struct StoredBlocks: Sendable, Equatable {
  /// Hashes of the blocks, first block first.
  package var hashes: [BlockHash]
  /// Hash of the block before the first one; nil at the start of a sequence.
  package var parent: BlockHash?
  /// The tokens of all blocks, `blockTokens` for each.
  package var tokens: [UInt32]
  /// Tokens of a block.
  package var blockTokens: Int
  /// The LoRA adapter of the request; nil for the engine's own model.
  package var adapter: LoadedAdapter?
  /// The extra keys of each block. Empty when the engine does not send them (vLLM before 0.19).
  package var extraKeys: [[String]]
  /// The id of the request's conversation; nil when the client names none.
  package var sessionID: String?

  package init(
    hashes: [BlockHash], parent: BlockHash? = nil, tokens: [UInt32], blockTokens: Int, adapter: LoadedAdapter? = nil,
    extraKeys: [[String]] = [], sessionID: String? = nil
  ) {
    self.hashes = hashes
    self.parent = parent
    self.tokens = tokens
    self.blockTokens = blockTokens
    self.adapter = adapter
    self.extraKeys = extraKeys
    self.sessionID = sessionID
  }
}

/// A change of the contents of the prefix cache.
package enum CacheEvent: Sendable, Equatable {
  /// Blocks of a request were added.
  case stored(StoredBlocks)
  /// A block with a hash was evicted. Other blocks may have the hash.
  case removed(BlockHash)
  /// All blocks were removed.
  case cleared
}
