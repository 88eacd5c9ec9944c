/// A request for text as the API gives it, before it is known whether the engine can serve it.
package struct GenerationRequest: Sendable, Equatable {
  /// The path that was asked.
  package enum API: Sendable {
    case chat
    case completions
  }

  package var api: API
  /// Empty when the request names none: the engine's own.
  package var model = ""
  /// The tokens of each prompt, at least one. One answer, or several, are made for each prompt.
  package var prompts: [[UInt32]]
  /// Answers to each prompt, OpenAI's `n`.
  package var answersPerPrompt = 1
  package var isStreaming = false
  /// Whether the stream ends with an event that tells the usage.
  package var includesUsage = false
  /// Whether every event of the stream tells the usage so far.
  package var includesContinuousUsage = false
  /// Whether the answer names the tokens of prompt and answer.
  package var returnsTokenIDs = false
  /// Nil when the client sets none.
  package var maximumOutputTokens: Int?
  package var cacheSalt: String?
  /// The conversation, where the client names it.
  package var sessionID: String?

  package init(api: API, prompts: [[UInt32]]) {
    self.api = api
    self.prompts = prompts
  }

  /// More answers than this are not made for one request.
  package static let maximumAnswers = 128

  /// A completion without `max_tokens` has this many, as OpenAI's API defines.
  package static let completionTokens = 16
}
