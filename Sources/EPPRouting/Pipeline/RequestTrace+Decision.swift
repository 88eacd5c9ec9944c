import EPPCore
import EPPPrefixCache
import EPPScheduling
import EPPTracing

/// The spans of the pipeline's stages.
extension RequestTrace {
  /// Ends the look-up of a prompt with what the candidate holds that holds the most of it.
  func endMatch(_ context: borrowing SchedulingContext) {
    var (matched, all) = (0, 0)
    for slot in context.slots {
      matched = max(matched, context.match.matchedBlocks(slot))
      all = max(all, context.match.totalBlocks(slot))
    }
    setStage(.matchedBlocks, matched)
    setStage(.promptBlocks, all)
    end()
  }

  /// Ends the way from the body to the endpoint with the decision.
  func endOrchestration(_ request: borrowing RoutingRequest, _ decision: DecisionRecord) {
    setRequest(request)
    set(.endpoint, decision.endpoint)
    setStage(.endpoint, decision.endpoint)
    setStage(.decidingScorer, decision.decidingScorer)
    setStage(.runnerUp, decision.runnerUp)
    setStage(.promptTokens, decision.promptTokens)
    setStage(.predictedCachedTokens, decision.predictedCachedTokens)
    end()
  }

  /// Ends the way from the body to the endpoint without one.
  func endOrchestration(_ request: borrowing RoutingRequest, failure: String) {
    setRequest(request)
    end(failure: failure)
  }

  private func setRequest(_ request: borrowing RoutingRequest) {
    set(.model, request.parsed.model)
    setStage(.targetModel, request.parsed.targetModel)
    setStage(.priority, request.priority)
  }
}
