/// Where the picker's knowledge of the engines' caches comes from (`--prefix-mode`).
package enum PrefixMode: String, Sendable, CaseIterable {
  /// An engine's own KV events where they arrive, and what was sent there where they do not.
  case auto
  /// What was sent where, alone; no events are followed.
  case approximate
  /// KV events alone where a request's tokens are known: an engine without them holds nothing.
  case precise
}

/// Where a request's token ids come from (`--token-source`), unless it carries them.
package enum TokenOrigin: String, Sendable, CaseIterable {
  /// The engines' own render and tokenize endpoints, for endpoints whose KV events are followed.
  case render
  /// Nowhere: texts are matched by their bytes.
  case none
}
