package import EPPCore

/// The block keys of one request's prompts, made as far as somebody asks for them.
///
/// A worker thread keeps one and reuses its storage: once warm, no request allocates. Prompts do not run into each
/// other: each is hashed from the root on, and only its full blocks count.
package struct PrefixQuery: Sendable {
  /// Tokens in a block: vLLM's. A block of text is 64 bytes, at 4 bytes a token; one of token ids is 64 bytes too.
  package static let blockTokens = 16
  static let blockBytes = 64
  /// Prompts of one request that are looked up; the rest is not.
  static let maximumPrompts = 256
  /// Keys are made in chunks of this many at least.
  static let chunkBlocks = 128

  /// One prompt with at least one full block.
  struct Prompt: Sendable {
    /// Where its keys stand in `keys`.
    var firstKey: Int
    var blocks: Int
    /// How many of its keys are made.
    var made: Int
    /// Where its next block begins, in bytes.
    var offset: Int
  }

  /// Keys of all prompts, one prompt after the other; of each, only the first `made` mean anything.
  private(set) var keys: [BlockKey] = []
  private(set) var prompts: [Prompt] = []
  /// Blocks of all prompts, made or not.
  package private(set) var blockCount = 0

  private var hasher: BlockHasher?
  private var root = BlockKey(rawValue: 0)
  private var bytes: [UInt8] = []
  private var tokens: [UInt32] = []

  /// One without a prompt.
  package init() {}

  /// Keys made so far, over all prompts.
  package var madeCount: Int { prompts.reduce(0) { $0 + $1.made } }

  /// Takes up the prompts of a request, at most `maximumBlocks` in all, and makes no key yet.
  ///
  /// Shares the storage of `prompt` until all keys are made or the query is emptied: change the prompt only after that,
  /// or it is copied.
  package mutating func begin(
    for prompt: borrowing CanonicalPrompt, request: InferenceRequest, hasher: BlockHasher, maximumBlocks: Int
  ) {
    lay(out: prompt, request, hasher, maximumBlocks)
    self.hasher = hasher
    if prompt.isTokens { tokens = prompt.tokens } else { bytes = prompt.bytes }
  }

  /// Takes up the prompts of a request, at most `maximumBlocks` in all, and makes all keys at once.
  package mutating func reset(
    for prompt: borrowing CanonicalPrompt, request: InferenceRequest, hasher: BlockHasher, maximumBlocks: Int
  ) {
    lay(out: prompt, request, hasher, maximumBlocks)
    for position in prompts.indices {
      unsafe Self.makeKeys(
        of: &prompts[position], upTo: prompts[position].blocks, into: &keys, root, hasher,
        prompt.isTokens ? prompt.tokens.span.bytes : prompt.bytes.span.bytes)
    }
  }

  /// No prompt: nothing matches.
  package mutating func removeAll() {
    prompts.removeAll(keepingCapacity: true)
    blockCount = 0
    releasePrompt()
  }

  /// Makes the keys that are left.
  package mutating func finish() {
    for position in prompts.indices { makeKeys(ofPrompt: position, upTo: prompts[position].blocks) }
    releasePrompt()
  }

  /// Makes the keys of a prompt up to its block `count`, in whole chunks.
  mutating func makeKeys(ofPrompt position: Int, upTo count: Int) {
    guard let hasher, prompts[position].made < count else { return }
    let chunked = (count + Self.chunkBlocks - 1) / Self.chunkBlocks * Self.chunkBlocks
    let end = min(prompts[position].blocks, chunked)
    let (bytes, tokens) = (bytes, tokens)
    unsafe Self.makeKeys(
      of: &prompts[position], upTo: end, into: &keys, root, hasher,
      tokens.isEmpty ? bytes.span.bytes : tokens.span.bytes)
  }

  private mutating func lay(
    out prompt: borrowing CanonicalPrompt, _ request: InferenceRequest, _ hasher: BlockHasher, _ maximumBlocks: Int
  ) {
    removeAll()
    let isTokens = prompt.isTokens
    let width = isTokens ? MemoryLayout<UInt32>.size : 1
    root = hasher.root(
      model: request.targetModel, cacheSalt: request.cacheSalt, isTokens: isTokens, blockTokens: Self.blockTokens)
    // The bound is the request's: half a million prompts of a block each would cost as many look-ups at each endpoint,
    // and push out all that it is known to hold.
    var left = max(0, maximumBlocks)
    for range in prompt.prompts where prompts.count < Self.maximumPrompts {
      let blocks = min(range.count * width / Self.blockBytes, left)
      guard blocks > 0 else { continue }
      left -= blocks
      prompts.append(Prompt(firstKey: blockCount, blocks: blocks, made: 0, offset: range.lowerBound * width))
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
    _ bytes: RawSpan
  ) {
    precondition(
      prompt.offset + (end - prompt.made) * blockBytes <= bytes.byteCount, "a prompt's range ends in its text")
    var key = prompt.made > 0 ? keys[prompt.firstKey + prompt.made - 1] : root
    var offset = prompt.offset
    var keys = keys.mutableSpan
    for position in (prompt.firstKey + prompt.made)..<(prompt.firstKey + end) {
      key = hasher.key(after: key, bytes, at: offset)
      keys[position] = key
      offset += blockBytes
    }
    prompt.offset = offset
    prompt.made = end
  }
}
