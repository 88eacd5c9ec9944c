import EPPCore
import EPPPrefixCache

/// `prefix-cache-scorer`: the share of the prompt that the endpoint holds, mixed with the length of what it holds by
/// `matchLengthWeight`: w·min(1, tokens / scale)² + (1 - w)·share. 0 for a prompt without a full block.
package struct PrefixCacheScorer: Scorer {
  private let parameters: PrefixCacheParameters

  package init(_ parameters: PrefixCacheParameters) { self.parameters = parameters }

  package func score(_ context: borrowing SchedulingContext, into scores: inout [Double]) {
    let weight = parameters.matchLengthWeight
    let scale = Double(max(1, parameters.matchLengthScaleTokens))
    for index in context.slots.indices {
      let slot = context.slots[index]
      let length = min(1, Double(context.match.matchedTokens(slot)) / scale)
      scores[index] = weight * length * length + (1 - weight) * context.match.ratio(slot)
    }
  }
}
