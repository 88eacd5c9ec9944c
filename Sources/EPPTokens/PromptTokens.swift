package import EPPCore

/// The token ids that an engine makes of a prompt. Immutable; shared by all requests with the prompt.
package final class PromptTokens: Sendable {
  /// The ids in the order of the prompt, including the tokens that the chat template adds.
  package let ids: [UInt32]
  /// When an engine was asked for the ids; for ids joined from several answers, when it was asked for the oldest part.
  package let renderedAt: MonotonicTime

  /// Makes an object of ids that an engine returned.
  package init(_ ids: [UInt32], renderedAt: MonotonicTime) {
    self.ids = ids
    self.renderedAt = renderedAt
  }
}
