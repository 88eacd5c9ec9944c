package import EPPCore

/// The token ids that an engine makes of a prompt. Shared by all who ask for the same prompt; never changes.
package final class PromptTokens: Sendable {
  /// In the order of the prompt, with what the chat template adds.
  package let ids: [UInt32]
  /// When an engine was asked for them; of those that were put together, for the oldest part.
  package let renderedAt: MonotonicTime

  /// Keeps ids that an engine gave.
  package init(_ ids: [UInt32], renderedAt: MonotonicTime) {
    self.ids = ids
    self.renderedAt = renderedAt
  }
}
