/// The decision on one request, as it is logged.
package struct DecisionRecord: Sendable, Equatable {
  /// The outcome of the request.
  package enum Outcome: Sendable, Equatable {
    /// An endpoint was picked.
    case routed
    /// The client was answered with this status.
    case rejected(Rejection.Status)
  }

  /// `x-request-id`, or the id made for a request without one.
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
  /// Prompt tokens expected in the picked endpoint's prefix cache.
  package var predictedCachedTokens: Int
  /// Tokens of the prompt: exact for token ids, else estimated from its bytes.
  package var promptTokens: Int
  /// Endpoints that the scorers scored.
  package var candidates: Int
  /// Time from the last event that the pick waited for to the pick or the rejection; nil when no pick was tried.
  package var pickTime: Duration?
  /// Whether the request was routed or rejected.
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

/// Receives decisions for the log. Called on request threads: an implementation neither blocks nor fails.
package protocol DecisionSink: Sendable {
  /// Whether records are kept; when false, callers need not make one.
  var isEnabled: Bool { get }
  /// Writes one record.
  func record(_ decision: DecisionRecord)
}
