/// What all blocks of a prefix have in common besides their tokens. Prefixes with different roots share no block.
package struct BlockRoot: Hashable, Sendable {
  /// The LoRA adapter's name; nil for the base model.
  package var loRAName: String?
  /// vLLM's `cache_salt`; nil for none.
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
  /// The root of a prefix that begins with this event's first block. vLLM sends the salt as a text in the extra keys of the
  /// first block, and the adapter's name with every block.
  var root: BlockRoot {
    let salt = parent == nil ? saltPosition.flatMap { extraKeys[0][$0].text } : nil
    return BlockRoot(loRAName: loRAName, cacheSalt: salt, blockTokens: blockTokens)
  }

  /// The index of the salt in the first block's extra keys: the first text that is not the adapter's name. Digests of
  /// embeddings follow the salt.
  private var saltPosition: Int? {
    extraKeys.first?.firstIndex { $0.text != nil && $0.text != loRAName }
  }

  /// The extra keys that go into the key of one block: without the salt and the adapter's name, which are in the root.
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
