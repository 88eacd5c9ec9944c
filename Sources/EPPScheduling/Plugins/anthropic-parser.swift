/// `anthropic-parser`: reads requests of the Anthropic API. All parsers are always there.
enum AnthropicParser {
  static let descriptor = PluginDescriptor(
    "anthropic-parser", "Reads requests of the Anthropic API",
    parts: [.builtIn(.parser)])
}
