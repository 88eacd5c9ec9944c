import EPPCore

/// `token-load-scorer`: 1 - min(t, threshold) / threshold, where t is the number of this process's tokens in flight at the
/// endpoint that are not computed, and of the request's own that the endpoint does not hold.
package struct TokenLoadScorer: Scorer {
  private static let threshold = TypedParameter<Int>.integer(
    "queueThresholdTokens", 1...1_000_000_000_000, default: 4_194_304, "Tokens from which on an endpoint gets 0")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "token-load-scorer", "Prefers endpoints that have few tokens to compute, those of the request included",
    parameters: [
      threshold.declaration, ProducerParameters.prefixMatch.declaration,
      ProducerParameters.inFlightLoad,
    ],
    needs: { _, _ in PluginNeeds(prefixMatch: true) }, parts: [.scorer { TokenLoadScorer($0, $1) }])

  private let threshold: Double
  private let view: PrefixView

  private init(_ arguments: PluginArguments, _ environment: PluginEnvironment) {
    threshold = Double(arguments[Self.threshold])
    view = environment.prefixView(named: arguments[ProducerParameters.prefixMatch])
  }

  package func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    for position in scores.indices {
      let tokens = context.loads[position].inFlight.uncachedTokens + context.uncachedTokens(at: position, view)
      scores[position] = 1 - min(Double(tokens), threshold) / threshold
    }
  }
}
