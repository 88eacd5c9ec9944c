/// `soft-reflective-ceiling-policy`: a policy of flow control, which has no effect while the feature gate flowControl is off.
enum SoftReflectiveCeilingPolicy {
  static let descriptor = PluginDescriptor(
    "soft-reflective-ceiling-policy", "Lowers the limits of lower priorities as the pool fills",
    parts: [.builtIn(.usageLimitPolicy)])
}
