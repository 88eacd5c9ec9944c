/// `encode-filter`: keeps the endpoints whose label `llm-d.ai/role` includes encode.
enum EncodeFilter {
  static let descriptor = PluginDescriptor(
    "encode-filter", "Keeps endpoints whose role includes encode (label \(EndpointRole.label))",
    parts: [.filter { _, _ in MemberFilter(serving: .encode) }])
}
