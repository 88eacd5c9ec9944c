package import EPPCore

/// Tells the API of a request by its path.
package enum RequestPath {
  /// What a request without any path header is taken for, as the anchor does.
  package static let fallback = "/v1/completions"

  /// The path of a request: the gateway's own, else what a proxy before it noted.
  package static func path(of headers: RequestHeaders) -> String {
    headers.first(HeaderName.path) ?? headers.first(HeaderName.originalPath) ?? headers.first(HeaderName.forwardedPath)
      ?? fallback
  }

  /// The API of a path: query and trailing slashes do not count, and any prefix may stand before the known end.
  package static func api(of path: String) -> InferenceAPI {
    var trimmed = path[...]
    if let query = trimmed.firstIndex(where: { $0 == "?" || $0 == "#" }) { trimmed = trimmed[..<query] }
    while trimmed.last == "/" { trimmed.removeLast() }
    // Longer endings first, where one ends with another.
    for (ending, api) in endings where trimmed.hasSuffix(ending) { return api }
    return .passthrough
  }

  private static let endings: [(String, InferenceAPI)] = [
    ("/chat/completions/render", .chatCompletions),
    ("/completions/render", .completions),
    ("/chat/completions", .chatCompletions),
    ("/completions", .completions),
    ("/embeddings", .embeddings),
    ("/responses", .responses),
    ("/conversations", .conversations),
    ("/images/generations", .imageGenerations),
    ("/messages/count_tokens", .messagesCountTokens),
    ("/messages", .messages),
  ]
}
