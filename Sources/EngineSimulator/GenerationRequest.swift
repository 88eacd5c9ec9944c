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
  /// One answer, or several, are made for each of them.
  package var prompts: [[UInt8]]
  /// Answers to each prompt, OpenAI's `n`.
  package var answersPerPrompt = 1
  package var isStreaming = false
  /// Whether the stream ends with an event that tells the usage.
  package var includesUsage = false
  /// Whether every event of the stream tells the usage so far.
  package var includesContinuousUsage = false
  /// Nil when the client sets none.
  package var maximumOutputTokens: Int?
  package var cacheSalt: String?

  package init(api: API, prompts: [[UInt8]]) {
    self.api = api
    self.prompts = prompts
  }

  /// More answers than this are not made for one request.
  package static let maximumAnswers = 128

  /// A completion without `max_tokens` has this many, as OpenAI's API defines.
  package static let completionTokens = 16
}
