/// The prompt of a request in the form that is hashed: unescaped text, or the token ids that the client sent. Unescaped, so
/// that clients with different JSON escapes share cache entries.
///
/// Each worker thread keeps one and reuses its storage. A request with several prompts (a list of strings) has them one after
/// the other, each with its own range in `prompts`: no prefix runs across two prompts.
package struct CanonicalPrompt: Sendable {
  /// Text of all prompts: for a chat, role and content of each message in turn, tools first.
  package var bytes: [UInt8] = []
  /// Token ids, when the client sent ids; then `bytes` is empty.
  package var tokens: [UInt32] = []
  /// One range per prompt, over `bytes` or over `tokens`.
  package var prompts: [Range<Int>] = []
  /// Whether the prompt contains images, audio, video or parts of an unknown kind. An engine's tokens for them cannot be
  /// derived from `bytes`, which holds digests of their data.
  package var hasMedia = false
  /// The parts of messages that are media, in their order; an item that occurs twice is there twice.
  package var media: [MediaItem] = []

  /// An empty prompt.
  package init() {}

  /// Whether the client sent token ids.
  package var isTokens: Bool { !tokens.isEmpty }

  /// Removes the content and keeps the storage.
  package mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    tokens.removeAll(keepingCapacity: true)
    prompts.removeAll(keepingCapacity: true)
    hasMedia = false
    media.removeAll(keepingCapacity: true)
  }
}
