package import EPPCore

/// Names a request inside one engine.
package struct SimulatedRequestID: Hashable, Sendable {
  package var number: UInt64

  package init(_ number: UInt64) { self.number = number }
}

/// What a simulated engine is asked for.
package struct SimulatedRequest: Sendable {
  package var id: SimulatedRequestID
  /// The prompt, at least one token.
  package var prompt: [UInt32]
  /// How many tokens the answer has; at least 1.
  package var outputTokens: Int
  /// Why the answer ends after `outputTokens`.
  package var finishReason: FinishReason
  /// The adapter that the request is for, none for the model itself, and the salt of its cache entries.
  package var namespace: CacheNamespace
  /// The conversation that the request belongs to; events tell it.
  package var sessionID: String?
  /// The tokens of the answer; where there are none, words that depend on the prompt.
  package var answer: [UInt32]

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
  }
}

/// What a simulated engine wants done.
package enum SimulatedEngineAction: Sendable, Equatable {
  /// A token for the client; with the last one comes the reason of the end.
  case emit(SimulatedRequestID, token: UInt32, usage: TokenUsage, finish: SimulatedRequest.FinishReason?)
  /// What changed in the prefix cache in the step that has ended, in the order in which it changed; never empty.
  case publish([CacheEvent])
  /// The request cannot be served, ever.
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
