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
  /// `Generate` of vLLM's gRPC API, whose prompt is a text or token ids, and whose body names no model.
  case vllmGRPCGenerate
  /// `Embed` of vLLM's gRPC API.
  case vllmGRPCEmbed
  /// Any other path: the body is not read for a model or a prompt.
  case passthrough

  /// Whether bodies are gRPC messages instead of JSON.
  package var isGRPC: Bool { self == .vllmGRPCGenerate || self == .vllmGRPCEmbed }
}
