import EPPCore

/// `active-request-scorer`: 1 for an endpoint with at most `idleThreshold` requests of this process in flight; for the others
/// (most - own) / most · `maxBusyScore`.
package struct ActiveRequestScorer: Scorer {
  private static let idleThreshold = TypedParameter<Int>.integer(
    "idleThreshold", 0...1_000_000_000, default: 0, "Requests in flight up to which an endpoint is idle")
  private static let maximumBusyScore = TypedParameter<Double>.number(
    "maxBusyScore", 0...1, default: 1, "The greatest score of an endpoint that is not idle")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "active-request-scorer", "Prefers endpoints with few requests of this picker in flight",
    parameters: [
      idleThreshold.declaration, maximumBusyScore.declaration,
      ProducerParameters.inFlightLoad,
      PluginParameter("requestTimeout", .ignored(because: nil), "Has no effect, as in llm-d"),
    ], parts: [.scorer { arguments, _ in ActiveRequestScorer(arguments) }])

  private let idleThreshold: Double
  private let maximumBusyScore: Double

  private init(_ arguments: PluginArguments) {
    idleThreshold = Double(arguments[Self.idleThreshold])
    maximumBusyScore = arguments[Self.maximumBusyScore]
  }

  package func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    var most = 0.0
    for position in scores.indices {
      scores[position] = Double(context.loads[position].inFlight.requests)
      most = max(most, scores[position])
    }
    for position in scores.indices {
      let own = scores[position]
      scores[position] = own <= idleThreshold ? 1 : (most - own) / most * maximumBusyScore
    }
  }
}
