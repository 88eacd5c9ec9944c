/// `openai-parser`: reads requests of the OpenAI API. All parsers are always there.
enum OpenAIParser {
  static let descriptor = PluginDescriptor(
    "openai-parser", "Reads requests of the OpenAI API",
    parts: [.builtIn(.parser)])
}
