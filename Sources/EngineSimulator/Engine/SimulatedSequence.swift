import EPPCore

/// A request inside the engine, with its tokens and its place in the cache.
struct SimulatedSequence: Sendable {
  let id: SimulatedRequestID
  let finishReason: SimulatedRequest.FinishReason
  let outputLimit: Int
  let promptTokens: Int
  let sessionID: String?
  /// Where the words of the answer come from.
  let words: AnswerWords
  /// Tokens of the answer that were given with the request.
  let givenAnswer: [UInt32]
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
    finishReason = request.finishReason
    outputLimit = request.outputTokens
    promptTokens = chain.tokens.count
    sessionID = request.sessionID
    words = AnswerWords(prompt: chain.tokens, namespace: chain.namespace)
    givenAnswer = request.answer
    self.arrivedAt = arrivedAt
    self.chain = chain
  }

  /// Tokens that wait to be computed: 1 in a sequence that decodes.
  var pendingTokens: Int { chain.tokens.count - computedTokens }

  /// Whether the next step extends the answer by computing its last token, and nothing else.
  var isDecoding: Bool { outputTokens > 0 && pendingTokens == 1 }

  var usage: TokenUsage {
    TokenUsage(promptTokens: promptTokens, completionTokens: outputTokens, cachedTokens: cachedTokens)
  }

  /// The name of the adapter that the request is for.
  var adapter: String? { chain.namespace.adapter?.name }

  /// The next token of the answer. An answer that the model ends by itself ends with the token that says so.
  var nextToken: UInt32 {
    if outputTokens < givenAnswer.count { return givenAnswer[outputTokens] }
    if finishReason == .stop, outputTokens + 1 == outputLimit { return SpecialToken.endOfMessage.rawValue }
    return words.token(at: outputTokens)
  }
}
