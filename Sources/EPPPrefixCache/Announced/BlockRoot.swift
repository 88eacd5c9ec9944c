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
    let salt = parent == nil ? saltPosition.flatMap { extraKeys[0][$0].text } : nil
    return BlockRoot(loRAName: loRAName, cacheSalt: salt, blockTokens: blockTokens)
  }

  /// The first text with the first block that is not the adapter's name: digests of embeddings stand behind the salt.
  private var saltPosition: Int? {
    extraKeys.first?.firstIndex { $0.text != nil && $0.text != loRAName }
  }

  /// What goes into the key of one block beside its tokens and its root.
  func blockExtras(_ block: Int) -> [ExtraKey] {
    var extras = extraKeys[block]
    guard !extras.isEmpty else { return extras }
    if parent == nil, block == 0, let saltPosition { extras.remove(at: saltPosition) }
    extras.removeAll { $0.text != nil && $0.text == loRAName }
    return extras
  }
}

extension ExtraKey {
  fileprivate var text: String? { if case .text(let text) = self { text } else { nil } }
}
