/// `priority-then-time-eviction-order-policy`: a policy of flow control, which has no effect while the feature gate flowControl is off.
enum PriorityThenTimeEvictionOrder {
  static let descriptor = PluginDescriptor(
    "priority-then-time-eviction-order-policy", "Ends the request of the lowest priority first, the newest of equals",
    parts: [.builtIn(.evictionPolicy)])
}
