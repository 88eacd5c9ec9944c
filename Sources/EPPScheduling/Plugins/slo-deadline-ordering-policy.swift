/// `slo-deadline-ordering-policy`: a policy of flow control, which has no effect while the feature gate flowControl is off.
enum ObjectiveDeadlineOrderingPolicy {
  static let descriptor = PluginDescriptor(
    "slo-deadline-ordering-policy", "Serves the request first whose deadline for the first token is the earliest",
    parts: [.builtIn(.orderingPolicy)])
}
