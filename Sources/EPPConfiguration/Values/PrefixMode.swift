/// The source of the index of the engines' caches (`--prefix-mode`).
package enum PrefixMode: String, Sendable, CaseIterable {
  /// KV events for engines that send them, routed requests for the others.
  case auto
  /// Routed requests only; KV events are not received.
  case approximate
  /// KV events only, where a request's tokens are known. An engine without KV events counts as having nothing cached.
  case precise
}

/// The source of the token ids of requests that do not contain them (`--token-source`).
package enum TokenOrigin: String, Sendable, CaseIterable {
  /// The engines' render and tokenize endpoints, for engines whose KV events are received.
  case render
  /// No source: texts are matched by their bytes.
  case none
}
