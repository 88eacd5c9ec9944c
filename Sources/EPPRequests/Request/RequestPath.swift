package import EPPCore

/// Determines the API of a request by its path.
package enum RequestPath {
  /// The path of a request without any path header, as in llm-d's router.
  package static let fallback = "/v1/completions"

  /// The path of a request: `:path`, else `x-original-path`, else `x-forwarded-path`, else `fallback`.
  package static func path(of headers: RequestHeaders) -> String {
    headers.first(HeaderName.path) ?? headers.first(HeaderName.originalPath) ?? headers.first(HeaderName.forwardedPath)
      ?? fallback
  }

  /// The API of a path. The query and trailing slashes are ignored, and any segments may precede the known ones.
  package static func api(of path: String) -> InferenceAPI {
    var bytes = path.utf8[...]
    if let query = bytes.firstIndex(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) {
      bytes = bytes[..<query]
    }
    while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
    for (ending, api) in endings where ends(bytes, with: ending.utf8) { return api }
    return .passthrough
  }

  /// Whether the path's last segments are `ending`.
  private static func ends(_ path: Substring.UTF8View, with ending: String.UTF8View) -> Bool {
    guard path.count >= ending.count, path.suffix(ending.count).elementsEqual(ending) else { return false }
    return path.count == ending.count || path.dropLast(ending.count).last == UInt8(ascii: "/")
  }

  /// Longer endings first, where one ends with another.
  private static let endings: [(String, InferenceAPI)] = [
    ("chat/completions", .chatCompletions),
    ("chat/completions/render", .chatCompletions),
    ("completions", .completions),
    ("completions/render", .completions),
    ("messages/count_tokens", .messagesCountTokens),
    ("messages", .messages),
    ("embeddings", .embeddings),
    ("responses", .responses),
    ("conversations", .conversations),
    ("images/generations", .imageGenerations),
    ("inference/v1/generate", .generate),
    ("generate", .sglangGenerate),
    ("vllm.grpc.engine.VllmEngine/Generate", .vllmGRPCGenerate),
    ("vllm.grpc.engine.VllmEngine/Embed", .vllmGRPCEmbed),
  ]
}
