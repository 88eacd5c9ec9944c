/// `decode-filter`: keeps the endpoints whose label `llm-d.ai/role` includes decode, and those without the label.
enum DecodeFilter {
  static let descriptor = PluginDescriptor(
    "decode-filter", "Keeps endpoints that decode, and those without a role (label \(EndpointRole.label))",
    parts: [.filter { _, _ in MemberFilter(serving: .decode, allowsNoLabel: true) }])
}
