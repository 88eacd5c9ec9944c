import EPPCore

/// `topology-affinity-scorer`: by the nearness to the endpoint that was picked to decode: same host 1, rack 0.2, zone 0.05, region 0.02,
/// else 0. No opinion where nothing was picked to decode before.
package struct TopologyAffinityScorer: Scorer {
  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "topology-affinity-scorer", "Prefers endpoints near the one that decodes",
    parameters: [
      PluginParameter("topologyProducerName", .ignored(because: nil), "Has no effect: there is one topology")
    ],
    parts: [.scorer { _, _ in TopologyAffinityScorer() }])

  private let nearness = TopologyNearness()

  package func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    guard let levels = nearness.levels(context) else { return }
    for position in scores.indices { scores[position] = levels[context.candidates[position]]?.score ?? 0 }
  }
}
