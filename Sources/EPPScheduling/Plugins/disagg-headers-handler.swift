/// `disagg-headers-handler`: the profile handler sets the headers to the sidecar itself.
enum DisaggregationHeaders {
  static let descriptor = PluginDescriptor(
    "disagg-headers-handler", olderNames: ["prefill-header-handler"],
    "Has no effect: \(DisaggregationHandler.descriptor.type) sets the headers to the sidecar",
    parameters: [
      PluginParameter("prefillProfile", .ignored(because: nil), "Has no effect"),
      PluginParameter("encodeProfile", .ignored(because: nil), "Has no effect"),
    ],
    check: { check in
      check.note(
        "\(check.type) is removed in newer releases of llm-d and has no effect: \(DisaggregationHandler.descriptor.type) sets its headers"
      )
    },
    migration: { _ in PluginMigration([], "is left out: the profile handler sets its headers") },
    parts: [.builtIn(.observer)])
}
