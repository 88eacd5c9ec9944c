/// `global-strict-fairness-policy`: no flow goes before another.
enum GlobalStrictFairnessPolicy {
  static let descriptor = PluginDescriptor(
    "global-strict-fairness-policy", "Treats all flows alike", isInjected: true,
    parts: [.builtIn(.fairnessPolicy)])
}
