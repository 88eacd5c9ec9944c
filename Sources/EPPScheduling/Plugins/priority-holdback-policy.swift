/// `priority-holdback-policy`: a policy of flow control, which has no effect while the feature gate flowControl is off.
enum PriorityHoldbackPolicy {
  static let descriptor = PluginDescriptor(
    "priority-holdback-policy", "Keeps a share of the pool for higher priorities",
    parameters: [
      PluginParameter("shape", .ignored(because: nil), "Has no effect without flow control"),
      PluginParameter("domain", .ignored(because: nil), "Has no effect without flow control"),
      PluginParameter("minCeiling", .ignored(because: nil), "Has no effect without flow control"),
      PluginParameter("maxCeiling", .ignored(because: nil), "Has no effect without flow control"),
    ],
    parts: [.builtIn(.usageLimitPolicy)])
}
