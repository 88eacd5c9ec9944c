package import EPPCore
package import EPPPrefixCache

/// The part of the prefix index that a prefix producer shows.
package struct PrefixView: Sendable, Equatable {
  /// The largest number of a prompt's tokens that count; longer matches count as this many.
  package var maximumTokens: Int
  /// Whether only routed prompts count, matched by text, and not what engines announce.
  package var isTextAlone: Bool

  /// The whole index.
  package static let whole = PrefixView(maximumTokens: .max)

  package init(maximumTokens: Int, isTextAlone: Bool = false) {
    self.maximumTokens = maximumTokens
    self.isTextAlone = isTextAlone
  }

  /// Tokens of the prompt that an endpoint holds.
  package func matchedTokens(_ matches: borrowing PrefixMatches, _ slot: EndpointSlot) -> Int {
    min(maximumTokens, isTextAlone ? matches.routedTokens(slot) : matches.matchedTokens(slot))
  }

  /// The share of the prompt that an endpoint holds, 0...1; tokens of the prompt beyond `maximumTokens` do not count.
  package func ratio(_ matches: borrowing PrefixMatches, _ slot: EndpointSlot) -> Double {
    let share = isTextAlone ? matches.routedRatio(slot) : matches.ratio(slot)
    guard maximumTokens < .max else { return share }
    let matched = isTextAlone ? matches.routedTokens(slot) : matches.matchedTokens(slot)
    guard matched > 0, share > 0 else { return 0 }
    let total = Double(matched) / share
    return min(1, Double(matched) / min(total, Double(maximumTokens)))
  }
}
