/// `sheddable-eviction-filter`: a policy of flow control, which has no effect while the feature gate flowControl is off.
enum SheddableEvictionFilter {
  static let descriptor = PluginDescriptor(
    "sheddable-eviction-filter", "Says which requests in flight may be ended",
    parts: [.builtIn(.evictionPolicy)])
}
