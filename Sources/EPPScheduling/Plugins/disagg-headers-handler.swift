/// `disagg-headers-handler`: the profile handler sets the headers to the sidecar itself.
enum DisaggregationHeaders {
  static let descriptor = PluginDescriptor(
    "disagg-headers-handler", olderNames: ["prefill-header-handler"],
    removal: "\(DisaggregationHandler.descriptor.type) sets its headers",
    "Has no effect: \(DisaggregationHandler.descriptor.type) sets the headers to the sidecar",
    parameters: [
      PluginParameter("prefillProfile", .ignored(because: nil), "Has no effect"),
      PluginParameter("encodeProfile", .ignored(because: nil), "Has no effect"),
    ],
    migration: { _ in PluginMigration([], "is left out: the profile handler sets its headers") },
    parts: [.builtIn(.observer)])
}
