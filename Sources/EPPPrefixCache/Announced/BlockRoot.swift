/// What all blocks of a prefix have in common beside their tokens. Prefixes whose roots differ share no block.
package struct BlockRoot: Hashable, Sendable {
  /// The LoRA adapter's name; nil for the base model, whatever it is called.
  package var loRAName: String?
  /// vLLM's `cache_salt`.
  package var cacheSalt: String?
  /// Tokens in a block.
  package var blockTokens: Int

  package init(loRAName: String? = nil, cacheSalt: String? = nil, blockTokens: Int) {
    self.loRAName = loRAName
    self.cacheSalt = cacheSalt
    self.blockTokens = blockTokens
  }
}

extension BlocksStored {
  /// The root of a prefix whose first block is this event's first. vLLM sends the salt as a bare text with the first
  /// block, as it sends the adapter's name with every block.
  var root: BlockRoot {
    var salt: String?
    for case .text(let text) in extraKeys.first ?? [] where text != loRAName { salt = text }
    return BlockRoot(loRAName: loRAName, cacheSalt: parent == nil ? salt : nil, blockTokens: blockTokens)
  }

  /// What goes into the key of one block beside its tokens and its root.
  func blockExtras(_ block: Int) -> [ExtraKey] {
    let extras = extraKeys[block]
    guard !extras.isEmpty else { return extras }
    return extras.filter { extra in
      guard case .text(let text) = extra else { return true }
      return text != loRAName && !(parent == nil && block == 0)
    }
  }
}
