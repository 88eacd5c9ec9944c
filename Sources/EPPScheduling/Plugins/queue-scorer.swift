import EPPCore

/// `queue-scorer`: (longest - own) / (longest - shortest) over the candidates' waiting queues; all equal gives 1.
package struct QueueScorer: Scorer {
  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "queue-scorer", "Prefers endpoints with a short waiting queue", parts: [.scorer { _, _ in QueueScorer() }])

  package func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    for index in context.loads.indices { scores[index] = Double(context.loads[index].queueDepth) }
    LowerIsBetter.normalize(&scores)
  }
}
