import EPPCore

/// `kv-cache-utilization-scorer`: the free share of the KV cache.
package struct KVCacheUtilizationScorer: Scorer {
  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "kv-cache-utilization-scorer", "Prefers endpoints with a large free share of the KV cache",
    parts: [.scorer { _, _ in KVCacheUtilizationScorer() }])

  package func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    for index in context.loads.indices { scores[index] = 1 - context.loads[index].kvCacheUsage }
  }
}
