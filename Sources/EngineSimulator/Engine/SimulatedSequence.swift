import EPPCore

/// A request in the engine, with its tokens and its blocks of the cache.
struct SimulatedSequence: Sendable {
  /// The request's id.
  let id: SimulatedRequestID
  /// Why the answer ends after `outputLimit` tokens.
  let finishReason: SimulatedRequest.FinishReason
  /// Number of tokens of the complete answer.
  let outputLimit: Int
  /// Number of tokens of the prompt.
  let promptTokens: Int
  /// The id of the request's conversation.
  let sessionID: String?
  /// Makes the words of the answer.
  let words: AnswerWords
  /// First tokens of the answer, which were given with the request.
  let givenAnswer: [UInt32]
  /// Whether the blocks stay in use after the end.
  let holdsBlocks: Bool
  /// Whether the blocks of the prompt are reported when they are computed.
  let reportsPrompt: Bool
  /// When the request arrived.
  let arrivedAt: MonotonicTime

  /// Tokens of the prompt and of the answer so far.
  var chain: BlockChain
  /// Blocks of the cache that hold the sequence, in the order of its tokens.
  var blocks: [Int] = []
  /// Tokens whose keys and values are in `blocks`, or will be when the current step ends.
  var computedTokens = 0
  /// Number of leading blocks whose hash is set in the cache.
  var namedBlocks = 0
  /// Number of tokens of the answer so far.
  var outputTokens = 0
  /// Prompt tokens found in the cache at the first admission; nil before.
  var cachedTokens: Int?
  /// Whether the request waits for blocks of another engine.
  var isLoading: Bool
  /// Tokens of the prompt that have come from another engine; nil when none were fetched, and after the first admission.
  var receivedTokens: Int?
  /// Those of `cachedTokens` that have come from another engine.
  var externalTokens = 0
  /// How often the request was preempted.
  var preemptions = 0

  /// When the request was first admitted; nil before.
  var admittedAt: MonotonicTime?
  /// When the request got its first token; nil before.
  var firstTokenAt: MonotonicTime?
  /// When the request got its newest token; nil before the first one.
  var lastTokenAt: MonotonicTime?

  /// Makes the sequence of a request that has just arrived.
  ///
  /// - Parameter chain: The tokens of the prompt.
  init(_ request: SimulatedRequest, chain: BlockChain, arrivedAt: MonotonicTime) {
    id = request.id
    finishReason = request.finishReason
    outputLimit = request.outputTokens
    promptTokens = chain.tokens.count
    sessionID = request.sessionID
    words = AnswerWords(prompt: chain.tokens, namespace: chain.namespace)
    givenAnswer = request.answer
    holdsBlocks = request.holdsBlocks
    reportsPrompt = request.reportsPrompt
    isLoading = request.awaitsBlocks
    self.arrivedAt = arrivedAt
    self.chain = chain
  }

  /// Number of tokens that are not computed; 1 in a sequence that decodes.
  var pendingTokens: Int { chain.tokens.count - computedTokens }

  /// Whether only the newest token of the answer is not computed.
  var isDecoding: Bool { outputTokens > 0 && pendingTokens == 1 }

  /// Tokens of prompt and answer so far.
  var usage: TokenUsage {
    TokenUsage(promptTokens: promptTokens, completionTokens: outputTokens, cachedTokens: cachedTokens)
  }

  /// What identifies the blocks of the prompt.
  var promptBlocks: PromptBlocks { chain.prefix(promptTokens) }

  /// The name of the request's adapter; nil for the engine's own model.
  var adapter: String? { chain.namespace.adapter?.name }

  /// The next token of the answer. The last token of an answer that the model ends is `SpecialToken.endOfMessage`.
  var nextToken: UInt32 {
    if outputTokens < givenAnswer.count { return givenAnswer[outputTokens] }
    if finishReason == .stop, outputTokens + 1 == outputLimit { return SpecialToken.endOfMessage.rawValue }
    return words.token(at: outputTokens)
  }
}
