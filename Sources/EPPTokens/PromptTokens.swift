/// The token ids that an engine makes of a prompt.
package final class PromptTokens: Sendable {
  package let ids: [UInt32]

  package init(_ ids: [UInt32]) { self.ids = ids }
}
