/// `vllmgrpc-parser`: requests of vLLM's gRPC API, which are routed without their prompts.
enum VLLMGRPCParser {
  static let descriptor = PluginDescriptor(
    "vllmgrpc-parser", "Routes requests of vLLM's gRPC API, without their prompts",
    check: {
      $0.note("the bodies of gRPC requests are not read by this version: they are routed without their prompts")
    },
    parts: [.settings(.parser) { _ in ParserSettings(apis: []) }])
}
