/// A message's topic by the llm-d EPP's convention: `kv@<address>@<model>`.
package struct KVTopic: Equatable, Sendable {
  /// The engine's address or name: `ip`, `ip:port`, or a name.
  package var address: String
  /// The model; it may contain `@`.
  package var model: String

  /// Parses a topic; nil for another form. vLLM's default topic is empty.
  package init?(_ text: String) {
    guard text.hasPrefix("kv@") else { return nil }
    let rest = text.dropFirst(3)
    guard let end = rest.firstIndex(of: "@"), end > rest.startIndex else { return nil }
    address = String(rest[..<end])
    model = String(rest[rest.index(after: end)...])
  }
}
