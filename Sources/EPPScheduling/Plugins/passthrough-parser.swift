/// `passthrough-parser`: routes what no other parser of the list reads, without its prompt. Such requests are routed in any case.
enum PassthroughParser {
  static let descriptor = PluginDescriptor(
    "passthrough-parser", "Routes what no other parser reads, without its prompt",
    parts: [.settings(.parser) { _ in ParserSettings(apis: []) }])
}
