import EPPCore

/// A request inside the engine, with its tokens and its place in the cache.
struct SimulatedSequence: Sendable {
  let id: SimulatedRequestID
  let adapter: String?
  let finishReason: SimulatedRequest.FinishReason
  let outputLimit: Int
  let promptTokens: Int
  /// Where the words of the answer come from.
  let promptDigest: UInt64
  let arrivedAt: MonotonicTime

  /// Prompt and answer so far.
  var chain: BlockChain
  /// Blocks of the cache that hold the sequence, in its order.
  var blocks: [Int] = []
  /// Tokens whose keys and values are in `blocks`, or will be when the current step ends.
  var computedTokens = 0
  /// Blocks, from the first on, that the cache finds by their hash.
  var namedBlocks = 0
  var outputTokens = 0
  /// Prompt tokens found in the cache when the request was first admitted; nil before.
  var cachedTokens: Int?
  var preemptions = 0

  var admittedAt: MonotonicTime?
  var firstTokenAt: MonotonicTime?
  var lastTokenAt: MonotonicTime?

  init(_ request: SimulatedRequest, chain: BlockChain, arrivedAt: MonotonicTime) {
    id = request.id
    adapter = request.adapter
    finishReason = request.finishReason
    outputLimit = request.outputTokens
    promptTokens = chain.tokens
    promptDigest = chain.digest
    self.arrivedAt = arrivedAt
    self.chain = chain
  }

  /// Tokens that wait to be computed: 1 in a sequence that decodes.
  var pendingTokens: Int { chain.tokens - computedTokens }

  /// Whether the next step extends the answer by computing its last token, and nothing else.
  var isDecoding: Bool { outputTokens > 0 && pendingTokens == 1 }

  var usage: TokenUsage {
    TokenUsage(promptTokens: promptTokens, completionTokens: outputTokens, cachedTokens: cachedTokens)
  }

  /// Blocks that this many tokens take.
  static func blocks(holding tokens: Int) -> Int {
    (tokens + EngineOptions.blockTokens - 1) / EngineOptions.blockTokens
  }
}
