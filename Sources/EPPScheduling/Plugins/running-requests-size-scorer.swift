import EPPCore

/// `running-requests-size-scorer`: (most - own) / (most - least) over the candidates' running requests; all equal gives 1.
package struct RunningRequestsScorer: Scorer {
  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "running-requests-size-scorer", "Prefers endpoints that run few requests",
    parts: [.scorer { _, _ in RunningRequestsScorer() }])

  package func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    for index in context.loads.indices { scores[index] = Double(context.loads[index].runningRequests) }
    LowerIsBetter.normalize(&scores)
  }
}
