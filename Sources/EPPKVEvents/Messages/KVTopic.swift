/// The topic of a message by the llm-d EPP's convention: `kv@<address>@<model>`.
package struct KVTopic: Equatable, Sendable {
  /// What an engine calls itself: `ip`, `ip:port`, or a name.
  package var address: String
  /// The model; may have an `@` of its own.
  package var model: String

  /// Nil for a topic of another form. vLLM's own default is an empty one.
  package init?(_ text: String) {
    guard text.hasPrefix("kv@") else { return nil }
    let rest = text.dropFirst(3)
    guard let end = rest.firstIndex(of: "@"), end > rest.startIndex else { return nil }
    address = String(rest[..<end])
    model = String(rest[rest.index(after: end)...])
  }
}
