/// `edf-ordering-policy`: a policy of flow control, which has no effect while the feature gate flowControl is off.
enum EarliestDeadlineOrderingPolicy {
  static let descriptor = PluginDescriptor(
    "edf-ordering-policy", "Serves the request first whose time to live ends first",
    parts: [.builtIn(.orderingPolicy)])
}
