import EPPCore

/// `load-aware-scorer`: 0.5 · (1 - min(queue, threshold) / threshold): 0.5 for an empty queue, 0 from the threshold on.
package struct LoadAwareScorer: Scorer {
  private static let threshold = TypedParameter<Int>.integer(
    "threshold", 1...1_000_000_000, default: 128, "Waiting requests from which on an endpoint gets 0")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "load-aware-scorer", "Prefers endpoints with a short waiting queue, by a fixed scale",
    parameters: [threshold.declaration],
    parts: [.scorer { arguments, _ in LoadAwareScorer(threshold: arguments[threshold]) }])

  private let threshold: Double

  private init(threshold: Int) { self.threshold = Double(threshold) }

  package func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    for index in context.loads.indices {
      scores[index] = 0.5 * (1 - min(Double(context.loads[index].queueDepth), threshold) / threshold)
    }
  }
}
