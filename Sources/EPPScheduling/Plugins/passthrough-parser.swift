/// `passthrough-parser`: routes what no other parser knows, without its prompt. All parsers are always there.
enum PassthroughParser {
  static let descriptor = PluginDescriptor(
    "passthrough-parser", "Routes what no other parser knows, without its prompt",
    parts: [.builtIn(.parser)])
}
