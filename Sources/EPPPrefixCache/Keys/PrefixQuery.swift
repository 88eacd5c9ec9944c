package import EPPCore

/// The block keys of one request's prompts, computed as far as they are needed.
///
/// Each worker thread keeps one and reuses its storage: once warm, no request allocates. Each prompt is hashed from the root
/// on, and only its full blocks count.
package struct PrefixQuery: Sendable {
  /// The largest number of prompts of one request that are looked up; further ones are not.
  static let maximumPrompts = 256
  /// Keys are computed in chunks of at least this many blocks.
  static let chunkBlocks = 128

  /// One prompt with at least one full block.
  struct Prompt: Sendable {
    /// The index of its first key in `keys`.
    var firstKey: Int
    /// Its full blocks.
    var blocks: Int
    /// The blocks that an engine can take from its cache: it always computes the last token itself.
    var reusable: Int
    /// The number of its keys that are computed.
    var made: Int
    /// The offset of its next block in bytes.
    var offset: Int
  }

  /// Keys of all prompts, one prompt after the other; of each, only the first `made` are valid.
  private(set) var keys: [BlockKey] = []
  /// The prompts that are looked up.
  private(set) var prompts: [Prompt] = []
  /// Full blocks of all prompts.
  package private(set) var blockCount = 0
  /// Tokens in a block.
  package private(set) var blockTokens = 16
  /// Whether the prompts have full blocks that are not looked up, so that endpoints may hold more than is matched.
  package private(set) var isCut = false

  private var hasher: BlockHasher?
  private var root = BlockKey(rawValue: 0)
  private var bytes: [UInt8] = []
  private var tokens: [UInt32] = []

  /// A query without a prompt.
  package init() {}

  private var blockBytes: Int { blockTokens * MemoryLayout<UInt32>.size }

  /// Starts a query for the prompts of a request, and computes no key yet.
  ///
  /// Shares the storage of `prompt` until all keys are computed or the query is emptied: a change of the prompt before that
  /// copies it.
  ///
  /// - Parameters:
  ///   - maximumTokens: the largest number of tokens that are looked up, over all prompts.
  ///   - blockTokens: tokens in a block; text has 4 bytes a token.
  ///   - loRAName: the adapter that the request asks for; nil for the base model. Only for token ids: text is distinguished by
  ///     the model's name.
  package mutating func begin(
    for prompt: borrowing CanonicalPrompt, request: InferenceRequest, hasher: BlockHasher, maximumTokens: Int,
    blockTokens: Int, loRAName: String? = nil
  ) {
    removeAll()
    self.hasher = hasher
    self.blockTokens = max(1, blockTokens)
    if prompt.isTokens {
      tokens = prompt.tokens
      root = hasher.root(BlockRoot(loRAName: loRAName, cacheSalt: request.cacheSalt, blockTokens: self.blockTokens))
    } else {
      bytes = prompt.bytes
      root = hasher.root(model: request.targetModel, cacheSalt: request.cacheSalt)
    }
    lay(out: prompt, maximumBlocks: max(0, maximumTokens) / self.blockTokens)
  }

  /// Removes all prompts; nothing matches then.
  package mutating func removeAll() {
    prompts.removeAll(keepingCapacity: true)
    blockCount = 0
    isCut = false
    releasePrompt()
  }

  /// Computes all keys.
  package mutating func finish() {
    for position in prompts.indices { makeKeys(ofPrompt: position, upTo: prompts[position].blocks) }
    releasePrompt()
  }

  /// The key of a block, counted over all prompts, once `finish` has computed it; nil where there is none.
  package func key(ofBlock block: Int) -> BlockKey? { (0..<blockCount).contains(block) ? keys[block] : nil }

  /// Computes the keys of a prompt up to its block `count`, in whole chunks.
  mutating func makeKeys(ofPrompt position: Int, upTo count: Int) {
    guard let hasher, prompts[position].made < count else { return }
    let chunked = (count + Self.chunkBlocks - 1) / Self.chunkBlocks * Self.chunkBlocks
    let end = min(prompts[position].blocks, chunked)
    let (bytes, tokens) = (bytes, tokens)
    unsafe Self.makeKeys(
      of: &prompts[position], upTo: end, into: &keys, root, hasher, blockBytes,
      tokens.isEmpty ? bytes.span.bytes : tokens.span.bytes)
  }

  private mutating func lay(out prompt: borrowing CanonicalPrompt, maximumBlocks: Int) {
    // The bound is the request's: half a million prompts of a block each would cost as many look-ups, and push out all
    // that is known of an endpoint.
    let unit = prompt.isTokens ? MemoryLayout<UInt32>.size : 1
    var left = maximumBlocks
    for range in prompt.prompts {
      let all = range.count * unit / blockBytes
      let blocks = prompts.count < Self.maximumPrompts ? min(all, left) : 0
      if blocks < all {
        isCut = true
        if blocks == 0 { break }
      }
      guard blocks > 0 else { continue }
      left -= blocks
      prompts.append(
        Prompt(
          firstKey: blockCount, blocks: blocks, reusable: min(blocks, (range.count * unit - 1) / blockBytes), made: 0,
          offset: range.lowerBound * unit))
      blockCount += blocks
    }
    // Never made smaller: what an earlier request left there is not read.
    if keys.count < blockCount {
      keys.append(contentsOf: repeatElement(BlockKey(rawValue: 0), count: blockCount - keys.count))
    }
  }

  private mutating func releasePrompt() {
    hasher = nil
    if !bytes.isEmpty { bytes = [] }
    if !tokens.isEmpty { tokens = [] }
  }

  private static func makeKeys(
    of prompt: inout Prompt, upTo end: Int, into keys: inout [BlockKey], _ root: BlockKey, _ hasher: BlockHasher,
    _ blockBytes: Int, _ bytes: RawSpan
  ) {
    precondition(
      prompt.offset + (end - prompt.made) * blockBytes <= bytes.byteCount, "a prompt's range ends in its text")
    var key = prompt.made > 0 ? keys[prompt.firstKey + prompt.made - 1] : root
    var offset = prompt.offset
    var keys = keys.mutableSpan
    let positions = (prompt.firstKey + prompt.made)..<(prompt.firstKey + end)
    if blockBytes == BlockHasher.stepBytes {
      for position in positions {
        key = hasher.key(after: key, bytes, at: offset)
        keys[position] = key
        offset += BlockHasher.stepBytes
      }
    } else {
      for position in positions {
        key = hasher.key(after: key, bytes, at: offset, width: blockBytes)
        keys[position] = key
        offset += blockBytes
      }
    }
    prompt.offset = offset
    prompt.made = end
  }
}
