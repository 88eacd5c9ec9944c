/// A generation request that was read from a body. It may be larger than the engine can serve.
package struct GenerationRequest: Sendable, Equatable {
  /// The API of a request.
  package enum API: Sendable {
    /// Chat completions.
    case chat
    /// Completions of a text.
    case completions
  }

  /// The API of the request.
  package var api: API
  /// The model's name; empty, for the engine's own model, when the request names none.
  package var model = ""
  /// The tokens of each prompt; one prompt or more, each with at least one token.
  package var prompts: [[UInt32]]
  /// Answers to each prompt, OpenAI's `n`.
  package var answersPerPrompt = 1
  /// Whether the response is a stream of events.
  package var isStreaming = false
  /// Whether the stream ends with an event that has the usage.
  package var includesUsage = false
  /// Whether every event of the stream has the usage so far.
  package var includesContinuousUsage = false
  /// Whether the response has the token ids of prompt and answer.
  package var returnsTokenIDs = false
  /// Tokens of an answer at most; nil when the client sets no limit.
  package var maximumOutputTokens: Int?
  /// The salt of the request's cache entries; nil when the client sets none.
  package var cacheSalt: String?
  /// The id of the conversation; nil when the client names none.
  package var sessionID: String?
  /// What is done with the blocks of the prompts; nil on an engine that works alone.
  package var transfer: TransferPlan?
  /// Hashes of the images, sounds and videos for which an encode engine works.
  package var encodedItems: [String] = []

  /// Makes a request for the default model without options.
  package init(api: API, prompts: [[UInt32]]) {
    self.api = api
    self.prompts = prompts
  }

  /// Answers to all prompts of one request at most.
  package static let maximumAnswers = 128

  /// Tokens of a completion without `max_tokens`, as OpenAI's API defines.
  package static let completionTokens = 16
}
