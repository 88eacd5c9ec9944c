/// Neighbouring blocks of one request, as an event tells of them.
package struct StoredBlocks: Sendable, Equatable {
  /// First block first.
  package var hashes: [BlockHash]
  /// The block before the first one; nil at the start of a sequence.
  package var parent: BlockHash?
  /// The tokens of all blocks, `blockTokens` for each.
  package var tokens: [UInt32]
  package var blockTokens: Int
  package var adapter: LoadedAdapter?
  /// For each block, what was hashed with it beside its tokens. Empty when the engine does not tell (vLLM before 0.19).
  package var extraKeys: [[String]]
  /// The conversation that the request named.
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
