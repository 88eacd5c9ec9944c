/// `prefill-filter`: keeps the endpoints whose label `llm-d.ai/role` includes prefill.
enum PrefillFilter {
  static let descriptor = PluginDescriptor(
    "prefill-filter", "Keeps endpoints whose role includes prefill (label \(EndpointRole.label))",
    parts: [.filter { _, _ in MemberFilter(serving: .prefill) }])
}
