/// The token ids that an engine makes of a prompt. Shared by all who ask for the same prompt; never changes.
package final class PromptTokens: Sendable {
  /// In the order of the prompt, with what the chat template adds.
  package let ids: [UInt32]

  /// Keeps ids that an engine gave.
  package init(_ ids: [UInt32]) { self.ids = ids }
}
