package import EPPCore
package import EPPPrefixCache

/// The part of the prefix index that a prefix producer shows.
package struct PrefixView: Sendable, Equatable {
  /// Where matches are found.
  package enum Source: Sendable, Equatable {
    /// In the pool's index: what engines announce and what was routed to them.
    case index
    /// In the pool's index, but routed prompts only, matched by text.
    case routedText
    /// In an index of the producer's own, which has no number yet.
    case ownIndex
    /// In what the data producer with this number says.
    case producer(Int)
  }

  /// The largest number of a prompt's tokens that count; longer matches count as this many.
  package var maximumTokens: Int
  /// Where matches are found.
  package var source: Source

  /// The whole index.
  package static let whole = PrefixView()

  package init(maximumTokens: Int = .max, _ source: Source = .index) {
    self.maximumTokens = maximumTokens
    self.source = source
  }

  /// Tokens of the prompt that an endpoint holds.
  package func matchedTokens(_ matches: borrowing PrefixMatches, _ slot: EndpointSlot) -> Int {
    min(maximumTokens, allTokens(matches, slot))
  }

  private func allTokens(_ matches: borrowing PrefixMatches, _ slot: EndpointSlot) -> Int {
    switch source {
    case .index: matches.matchedTokens(slot)
    case .routedText: matches.routedTokens(slot)
    case .producer(let number): matches.producedTokens(number, slot)
    case .ownIndex: 0
    }
  }

  /// The share of the prompt that an endpoint holds, 0...1; tokens of the prompt beyond `maximumTokens` do not count.
  package func ratio(_ matches: borrowing PrefixMatches, _ slot: EndpointSlot) -> Double {
    let share =
      switch source {
      case .index: matches.ratio(slot)
      case .routedText: matches.routedRatio(slot)
      case .producer(let number): matches.producedRatio(number, slot)
      case .ownIndex: 0.0
      }
    guard maximumTokens < .max else { return share }
    let matched = allTokens(matches, slot)
    guard matched > 0, share > 0 else { return 0 }
    let total = Double(matched) / share
    return min(1, Double(matched) / min(total, Double(maximumTokens)))
  }
}
