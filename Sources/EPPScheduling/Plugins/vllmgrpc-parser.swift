import EPPCore

/// `vllmgrpc-parser`: reads requests of vLLM's gRPC API.
enum VLLMGRPCParser {
  static let descriptor = PluginDescriptor(
    "vllmgrpc-parser", "Reads requests of vLLM's gRPC API, with texts or token ids",
    parts: [.settings(.parser) { _ in ParserSettings(apis: [.vllmGRPCGenerate, .vllmGRPCEmbed]) }])
}
