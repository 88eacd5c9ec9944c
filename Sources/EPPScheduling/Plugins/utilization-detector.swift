/// `utilization-detector`: reports whether the pool is saturated; only its default parameters are accepted.
enum UtilizationDetector {
  static let descriptor = PluginDescriptor(
    "utilization-detector", "Tells whether the pool is saturated, by queues and cache usage",
    parameters: [
      PluginParameter(
        "queueDepthThreshold", .fixed(.number(5)), default: "5", "Waiting requests from which on an endpoint is full"),
      PluginParameter(
        "kvCacheUtilThreshold", .fixed(.number(0.8)), default: "0.8", "Cache usage from which on an endpoint is full"),
      PluginParameter(
        "metricsStalenessThreshold", .fixed(.duration(.milliseconds(200))), default: "200ms",
        "Age from which on metrics do not count"),
      PluginParameter("headroom", .fixed(.number(0)), default: "0", "Share above the thresholds that is still served"),
    ], isInjected: true,
    parts: [.builtIn(.detector)])
}
