/// Token counts that an engine reports in its answer; nil where it reports none.
package struct TokenUsage: Equatable, Sendable {
  /// Tokens of the prompt.
  package var promptTokens: Int?
  /// Tokens generated.
  package var completionTokens: Int?
  /// Prompt tokens taken from the engine's prefix cache; vLLM reports them only with `--enable-prompt-tokens-details`.
  package var cachedTokens: Int?

  package init(promptTokens: Int? = nil, completionTokens: Int? = nil, cachedTokens: Int? = nil) {
    self.promptTokens = promptTokens
    self.completionTokens = completionTokens
    self.cachedTokens = cachedTokens
  }
}
