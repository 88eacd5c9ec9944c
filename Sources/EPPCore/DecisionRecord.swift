/// One request's decision, as the log tells it.
package struct DecisionRecord: Sendable, Equatable {
  /// The outcome of the request.
  package enum Outcome: Sendable, Equatable {
    /// An endpoint was picked.
    case routed
    /// The client was answered with this status.
    case rejected(Rejection.Status)
  }

  package var requestID: String
  /// The model that the engine is asked for; empty when the request names none.
  package var model: String
  /// The name of the endpoint that was picked; empty when none was.
  package var endpoint: String
  /// The name of the scorer that made the greatest difference between the pick and the runner-up; empty when there was
  /// no choice or the scores were equal.
  package var decidingScorer: String
  /// The name of the endpoint that came second; empty when there was one candidate.
  package var runnerUp: String
  /// Prompt tokens expected in the endpoint's prefix cache.
  package var predictedCachedTokens: Int
  package var promptTokens: Int
  /// Endpoints that the scorers were asked about.
  package var candidates: Int
  /// From the last event that the pick needed to the pick, or to the refusal; nil where no pick was tried.
  package var pickTime: Duration?
  package var outcome: Outcome

  package init(
    requestID: String, model: String = "", endpoint: String = "", decidingScorer: String = "", runnerUp: String = "",
    predictedCachedTokens: Int = 0, promptTokens: Int = 0, candidates: Int = 0, pickTime: Duration? = nil,
    outcome: Outcome
  ) {
    self.requestID = requestID
    self.model = model
    self.endpoint = endpoint
    self.decidingScorer = decidingScorer
    self.runnerUp = runnerUp
    self.predictedCachedTokens = predictedCachedTokens
    self.promptTokens = promptTokens
    self.candidates = candidates
    self.pickTime = pickTime
    self.outcome = outcome
  }
}

/// Where decisions are written. Called on request threads: an implementation neither blocks nor fails.
package protocol DecisionSink: Sendable {
  /// Whether a record would be kept; when it is false there is no need to make one.
  var isEnabled: Bool { get }
  func record(_ decision: DecisionRecord)
}
