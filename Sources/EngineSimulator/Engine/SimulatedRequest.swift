package import EPPCore

/// Identifies a request in one engine.
package struct SimulatedRequestID: Hashable, Sendable {
  /// A number that the engine's owner assigns.
  package var number: UInt64

  /// Makes an id of a number.
  package init(_ number: UInt64) { self.number = number }
}

/// A request to a simulated engine: one answer to one prompt.
package struct SimulatedRequest: Sendable {
  /// The request's id, unique in the engine.
  package var id: SimulatedRequestID
  /// The tokens of the prompt; at least one.
  package var prompt: [UInt32]
  /// Number of tokens of the answer; at least 1.
  package var outputTokens: Int
  /// Why the answer ends after `outputTokens`.
  package var finishReason: FinishReason
  /// The request's adapter and the salt of its cache entries.
  package var namespace: CacheNamespace
  /// The id of the request's conversation, which KV events contain; nil when the client names none.
  package var sessionID: String?
  /// The first tokens of the answer; `AnswerWords` makes the others.
  package var answer: [UInt32]
  /// Whether the request waits for blocks of another engine, until `load` or `failLoad`.
  package var awaitsBlocks = false
  /// Whether the blocks stay in use after the request's end, until `release`.
  package var holdsBlocks = false
  /// Whether the blocks of the prompt are reported when they are computed.
  package var reportsPrompt = false

  package init(
    id: SimulatedRequestID, prompt: [UInt32], outputTokens: Int, finishReason: FinishReason = .length,
    namespace: CacheNamespace = CacheNamespace(), sessionID: String? = nil, answer: [UInt32] = []
  ) {
    self.id = id
    self.prompt = prompt
    self.outputTokens = outputTokens
    self.finishReason = finishReason
    self.namespace = namespace
    self.sessionID = sessionID
    self.answer = answer
  }

  /// Why an answer ended.
  package enum FinishReason: String, Sendable {
    /// The model ended it.
    case stop
    /// The client's limit was reached.
    case length
    /// The engine holds less of the prompt than the client wants it to. Such a request does not reach the engine's scheduler.
    case cacheThreshold = "cache_threshold"
  }
}

/// An action that the owner of a simulated engine performs.
package enum SimulatedEngineAction: Sendable, Equatable {
  /// Send a token to the client. `finish` is not nil for the last token.
  case emit(SimulatedRequestID, token: UInt32, usage: TokenUsage, finish: SimulatedRequest.FinishReason?)
  /// Publish the KV events of a step in their order; never empty.
  case publish([CacheEvent])
  /// Offer the blocks of a request that has ended, which stay in use: their indices, and what is in those of the prompt.
  case hold(SimulatedRequestID, blocks: [Int], prompt: PromptBlocks)
  /// Store the blocks of a prompt that is computed.
  case store(PromptBlocks)
  /// End a request with an error: its blocks could not be loaded.
  case fail(SimulatedRequestID)
  /// Reject a request that can never be served.
  case reject(SimulatedRequestID, reason: Rejection)

  /// Why a request cannot be served.
  package enum Rejection: Sendable, Equatable {
    /// The prompt alone does not fit the context.
    case promptTooLong(promptTokens: Int)
    /// The answer alone does not fit the context.
    case outputTooLong(outputTokens: Int)
    /// Prompt and answer together do not fit the context.
    case totalTooLong(promptTokens: Int, outputTokens: Int)
  }
}
