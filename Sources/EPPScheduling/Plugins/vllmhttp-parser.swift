import EPPCore

/// `vllmhttp-parser`: reads requests of vLLM's own API, `/inference/v1/generate`.
enum VLLMHTTPParser {
  static let apis: Set<InferenceAPI> = [.generate]

  static let descriptor = PluginDescriptor(
    "vllmhttp-parser", "Reads requests of vLLM's own API with token ids",
    parts: [.settings(.parser) { _ in ParserSettings(apis: apis) }])
}
