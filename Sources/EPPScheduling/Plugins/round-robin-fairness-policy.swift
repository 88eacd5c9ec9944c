/// `round-robin-fairness-policy`: a policy of flow control, which has no effect while the feature gate flowControl is off.
enum RoundRobinFairnessPolicy {
  static let descriptor = PluginDescriptor(
    "round-robin-fairness-policy", "Serves flows in turn",
    parts: [.builtIn(.fairnessPolicy)])
}
