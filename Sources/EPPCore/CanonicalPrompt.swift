/// The prompt of a request in the form that is hashed: unescaped text, so that clients which escape differently share
/// cache entries, or the token ids that the client sent.
///
/// A worker thread keeps one and reuses its storage. A request with several prompts (a list of strings) has them one
/// after the other, each starting a new `prompts` range: prefixes do not run across.
package struct CanonicalPrompt: Sendable {
  /// Text of all prompts: for a chat, role and content of each message in turn, tools first.
  package var bytes: [UInt8] = []
  /// Token ids, when the client sent ids; then `bytes` is empty.
  package var tokens: [UInt32] = []
  /// One range per prompt, over `bytes` or over `tokens`.
  package var prompts: [Range<Int>] = []
  /// Whether images, sounds, films or parts of a kind that is not known here are in the prompt: what engines make of them
  /// cannot be told from `bytes`, which has digests of data.
  package var hasMedia = false

  package init() {}

  /// Whether the client sent token ids.
  package var isTokens: Bool { !tokens.isEmpty }

  /// Forgets the content and keeps the storage.
  package mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    tokens.removeAll(keepingCapacity: true)
    prompts.removeAll(keepingCapacity: true)
    hasMedia = false
  }
}
