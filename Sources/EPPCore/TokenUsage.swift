/// Token counts that an engine reports with its answer.
package struct TokenUsage: Equatable, Sendable {
  package var promptTokens: Int?
  package var completionTokens: Int?
  /// Prompt tokens that came from the engine's prefix cache; vLLM says so only with `--enable-prompt-tokens-details`.
  package var cachedTokens: Int?

  package init(promptTokens: Int? = nil, completionTokens: Int? = nil, cachedTokens: Int? = nil) {
    self.promptTokens = promptTokens
    self.completionTokens = completionTokens
    self.cachedTokens = cachedTokens
  }
}
