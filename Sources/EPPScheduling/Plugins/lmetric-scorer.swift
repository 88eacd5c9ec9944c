import EPPCore

/// `lmetric-scorer`: lowest cost / own cost, where cost = uncached tokens of the request · (requests of this process in flight + 1);
/// 1 at cost 0. The cost is that of LMetric (arXiv 2603.15202), which has no weights.
package struct LMetricScorer: Scorer {

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "lmetric-scorer", "Prefers endpoints with the lowest product of uncached tokens and requests in flight",
    parameters: [
      ProducerParameters.prefixMatch.declaration,
      ProducerParameters.inFlightLoad,
    ],
    needs: { _, _ in PluginNeeds(prefixMatch: true) }, parts: [.scorer { LMetricScorer($0, $1) }])

  private let view: PrefixView

  private init(_ arguments: PluginArguments, _ environment: PluginEnvironment) {
    view = environment.prefixView(named: arguments[ProducerParameters.prefixMatch])
  }

  package func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    var lowest = Double.infinity
    for position in scores.indices {
      let requests = context.loads[position].inFlight.requests + 1
      scores[position] = Double(context.uncachedTokens(at: position, view)) * Double(requests)
      lowest = min(lowest, scores[position])
    }
    for position in scores.indices { scores[position] = scores[position] > 0 ? lowest / scores[position] : 1 }
  }
}
