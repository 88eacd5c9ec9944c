/// `vertexai-parser`: requests of the Vertex AI gRPC API, which are routed without their prompts.
enum VertexAIParser {
  static let descriptor = PluginDescriptor(
    "vertexai-parser", "Routes requests of the Vertex AI gRPC API, without their prompts",
    check: {
      $0.note("the bodies of gRPC requests are not read by this version: they are routed without their prompts")
    },
    parts: [.settings(.parser) { _ in ParserSettings(apis: []) }])
}
