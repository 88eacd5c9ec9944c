/// `static-usage-limit-policy`: a fixed limit for the pool's usage.
enum StaticUsageLimitPolicy {
  static let descriptor = PluginDescriptor(
    "static-usage-limit-policy", "Limits the pool's usage to a fixed share",
    parameters: [
      PluginParameter("threshold", .fixed(.number(1)), default: "1", "The share of the pool that may be used")
    ], isInjected: true,
    parts: [.builtIn(.usageLimitPolicy)])
}
