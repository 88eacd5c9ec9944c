/// The API of a request, determined by its path.
package enum InferenceAPI: Int, CaseIterable, Sendable {
  case chatCompletions
  case completions
  case embeddings
  case responses
  case conversations
  case imageGenerations
  /// Anthropic's `/v1/messages`.
  case messages
  /// Anthropic's `/v1/messages/count_tokens`.
  case messagesCountTokens
  /// vLLM's `/inference/v1/generate`, whose prompt is a list of token ids.
  case generate
  /// SGLang's `/generate`, whose prompt is a text or token ids, and whose body names no model.
  case sglangGenerate
  /// Any other path: the body is not read for a model or a prompt.
  case passthrough
}
