package import EPPCore

/// Names a request inside one engine.
package struct SimulatedRequestID: Hashable, Sendable {
  package var number: UInt64

  package init(_ number: UInt64) { self.number = number }
}

/// What a simulated engine is asked for.
package struct SimulatedRequest: Sendable {
  package var id: SimulatedRequestID
  /// The prompt as bytes of text.
  package var prompt: [UInt8]
  /// How many tokens the answer has; at least 1.
  package var outputTokens: Int
  /// Why the answer ends after `outputTokens`.
  package var finishReason: FinishReason
  /// The adapter that the request is for; nil for the model itself.
  package var adapter: String?
  /// Requests with different salts share no cache entries.
  package var cacheSalt: String?

  package init(
    id: SimulatedRequestID, prompt: [UInt8], outputTokens: Int, finishReason: FinishReason = .length,
    adapter: String? = nil, cacheSalt: String? = nil
  ) {
    self.id = id
    self.prompt = prompt
    self.outputTokens = outputTokens
    self.finishReason = finishReason
    self.adapter = adapter
    self.cacheSalt = cacheSalt
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
  case emit(SimulatedRequestID, word: GeneratedWord, usage: TokenUsage, finish: SimulatedRequest.FinishReason?)
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
