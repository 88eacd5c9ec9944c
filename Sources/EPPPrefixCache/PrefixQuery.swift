package import EPPCore

/// The block keys of one request's prompts. A worker thread keeps one and reuses its storage.
package struct PrefixQuery: Sendable {
  /// Tokens in a block: that of vLLM. A block of text is 64 bytes, at 4 bytes a token.
  package static let blockTokens = 16
  static let blockBytes = 64

  /// Keys of all prompts, one prompt after the other.
  package private(set) var keys: [UInt64] = []
  /// One range of `keys` per prompt with at least one full block.
  package private(set) var prompts: [Range<Int>] = []

  package init() {}

  /// Blocks of all prompts.
  package var blockCount: Int { keys.count }

  /// Hashes the prompts of a request, each from the root on; full blocks only, at most `maximumBlocks` of each.
  package mutating func reset(
    for prompt: borrowing CanonicalPrompt, request: InferenceRequest, hasher: BlockHasher, maximumBlocks: Int
  ) {
    keys.removeAll(keepingCapacity: true)
    prompts.removeAll(keepingCapacity: true)
    let isTokens = prompt.isTokens
    let root = hasher.root(
      model: request.targetModel, cacheSalt: request.cacheSalt, isTokens: isTokens, blockTokens: Self.blockTokens)
    let bytes = unsafe isTokens ? prompt.tokens.span.bytes : prompt.bytes.span.bytes
    // A token id takes four bytes, so a block is 64 bytes either way.
    let width = isTokens ? 4 : 1
    for range in prompt.prompts {
      let start = keys.count
      let blocks = min((range.count * width) / Self.blockBytes, maximumBlocks)
      keys.reserveCapacity(start + blocks)
      var key = root
      var offset = range.lowerBound * width
      for _ in 0..<blocks {
        key = hasher.key(after: key, bytes, at: offset)
        keys.append(key)
        offset += Self.blockBytes
      }
      if blocks > 0 { prompts.append(start..<keys.count) }
    }
  }

  /// No prompt: nothing matches.
  package mutating func removeAll() {
    keys.removeAll(keepingCapacity: true)
    prompts.removeAll(keepingCapacity: true)
  }
}
