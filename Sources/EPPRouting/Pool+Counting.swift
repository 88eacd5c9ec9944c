package import EPPCore
import EPPMetrics
import EPPScheduling

/// What is counted and logged of a request.
extension Pool {
  func count(
    _ request: InferenceRequest, _ decision: Decision, _ cached: Int, _ place: InFlightRequest.Place,
    _ series: RequestSeries
  ) {
    series.requests.increment()
    series.requestSize.observe(request.bodyBytes)
    place.series.attempts(targetModel: request.targetModel).increment()
    guard request.promptTokens > 0 else { return }
    place.series.prefixQueriedTokens.increment(by: request.promptTokens)
    place.series.prefixHitTokensPredicted.increment(by: cached)
    guard decision.totalBlocks > 0 else { return }
    indexMetrics.hitRatio.observe(ratio: Double(decision.matchedBlocks) / Double(decision.totalBlocks))
    indexMetrics.hitBytes.observe(4 * decision.matchedTokens)
  }

  func countSession(_ outcome: SessionTable.Outcome?) {
    switch outcome {
    case .new: metrics.sessionAffinity.new.increment()
    case .kept: metrics.sessionAffinity.kept.increment()
    case .moved: metrics.sessionAffinity.moved.increment()
    case nil: break
    }
  }

  func record(
    _ decision: Decision, _ snapshot: PoolSnapshot, _ request: InferenceRequest, _ arrival: RequestArrival,
    _ cached: Int, _ pickTime: Duration
  ) {
    let picked = decision.picks.first.map { snapshot.members[$0].endpoint.name } ?? ""
    decisions.record(
      DecisionRecord(
        requestID: arrival.context.requestID, model: request.targetModel, endpoint: picked,
        decidingScorer: decision.decidingScorer ?? "",
        runnerUp: decision.runnerUp.map { snapshot.members[$0].endpoint.name } ?? "", predictedCachedTokens: cached,
        promptTokens: request.promptTokens, candidates: decision.candidateCount,
        pickMicroseconds: Int(pickTime.components.attoseconds / 1_000_000_000_000), outcome: .routed))
  }

  /// Counts and logs a request that gets the picker's own answer: `route` does so itself, the stream for what it refuses
  /// before.
  package func noteRejection(
    _ rejection: Rejection, requestID: String, receivedAt: MonotonicTime, now: MonotonicTime
  ) {
    metrics.requestSeries(model: "", targetModel: "", fairnessID: "default-flow", priority: 0)
      .countError(.rejected(rejection.status))
    guard decisions.isEnabled else { return }
    let time = now.duration(since: receivedAt)
    decisions.record(
      DecisionRecord(
        requestID: requestID,
        pickMicroseconds: Int(time.components.attoseconds / 1_000_000_000_000),
        outcome: .rejected(rejection.status)))
  }
}
