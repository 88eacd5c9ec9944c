package import EPPCore
package import EPPPrefixCache

/// What a prefix producer shows of the prefix index: the whole of it, or a part as it was configured.
package struct PrefixView: Sendable, Equatable {
  /// Tokens of a prompt that count; longer matches count as this many.
  package var maximumTokens: Int
  /// Whether only what was routed counts, found by the prompt's text, and not what engines announce.
  package var isTextAlone: Bool

  /// Everything that is known.
  package static let whole = PrefixView(maximumTokens: .max)

  package init(maximumTokens: Int, isTextAlone: Bool = false) {
    self.maximumTokens = maximumTokens
    self.isTextAlone = isTextAlone
  }

  /// Tokens of the prompt that an endpoint holds.
  package func matchedTokens(_ matches: borrowing PrefixMatches, _ slot: EndpointSlot) -> Int {
    min(maximumTokens, isTextAlone ? matches.routedTokens(slot) : matches.matchedTokens(slot))
  }

  /// Share of the prompt that an endpoint holds, 0...1; the prompt's tokens beyond the maximum do not count.
  package func ratio(_ matches: borrowing PrefixMatches, _ slot: EndpointSlot) -> Double {
    let share = isTextAlone ? matches.routedRatio(slot) : matches.ratio(slot)
    guard maximumTokens < .max else { return share }
    let matched = isTextAlone ? matches.routedTokens(slot) : matches.matchedTokens(slot)
    guard matched > 0, share > 0 else { return 0 }
    let total = Double(matched) / share
    return min(1, Double(min(matched, maximumTokens)) / min(total, Double(maximumTokens)))
  }
}
