import EPPCore
import EPPRequests
import EPPScheduling

extension DecisionRecord {
  /// The record of a request that is routed.
  ///
  /// - Parameters:
  ///   - decision: the decision about the endpoint that the request is sent to.
  ///   - cachedTokens: prompt tokens that are expected in a cache.
  ///   - pickTime: time from the last event that the pick waited for to the pick.
  init(_ decision: Decision, _ request: borrowing RoutingRequest, cachedTokens: Int, pickTime: Duration) {
    let members = request.snapshot.members
    self.init(
      requestID: request.context.requestID, model: request.parsed.targetModel,
      endpoint: decision.picks.first.map { members[$0].endpoint.name } ?? "",
      decidingScorer: decision.decidingScorer ?? "",
      runnerUp: decision.runnerUp.map { members[$0].endpoint.name } ?? "", predictedCachedTokens: cachedTokens,
      promptTokens: request.parsed.promptTokens, candidates: decision.candidateCount, pickTime: pickTime,
      outcome: .routed)
  }
}
