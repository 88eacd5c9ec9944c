import EPPCore

/// `anthropic-parser`: reads requests of the Anthropic API.
enum AnthropicParser {
  static let apis: Set<InferenceAPI> = [.messages, .messagesCountTokens]

  static let descriptor = PluginDescriptor(
    "anthropic-parser", "Reads requests of the Anthropic API",
    parts: [.settings(.parser) { _ in ParserSettings(apis: apis) }])
}
