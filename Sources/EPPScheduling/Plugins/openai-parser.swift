import EPPCore

/// `openai-parser`: reads requests of the OpenAI API.
enum OpenAIParser {
  static let apis: Set<InferenceAPI> = [
    .chatCompletions, .completions, .embeddings, .responses, .conversations, .imageGenerations,
  ]

  static let descriptor = PluginDescriptor(
    "openai-parser", "Reads requests of the OpenAI API",
    parts: [.settings(.parser) { _ in ParserSettings(apis: apis) }])
}
