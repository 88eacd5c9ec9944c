package import EPPCore

/// What each endpoint holds of a request, by both ways of naming blocks: by the prompt's text, which tells what was sent
/// where, and by its token ids, which is how engines announce what they hold.
///
/// An endpoint whose events are followed is asked by tokens; the others by text, where there is one.
package struct PrefixMatches: Sendable {
  /// By text, or empty.
  package var text = PrefixMatch()
  /// By token ids, or empty.
  package var tokens = PrefixMatch()
  /// Endpoints whose events are followed.
  package var followed = SlotSet.empty
  private var hasText = false
  private var hasTokens = false

  package init() {}

  /// Says which of the two there are for the next request; the matches themselves are made by the index.
  package mutating func begin(hasText: Bool, hasTokens: Bool, followed: SlotSet) {
    self.hasText = hasText
    self.hasTokens = hasTokens
    self.followed = followed
  }

  /// Whether an endpoint is asked by token ids.
  @inline(__always)
  package func isExact(_ slot: EndpointSlot) -> Bool { hasTokens && (!hasText || followed.contains(slot)) }

  /// Blocks of the prompts in the endpoint's way of naming them; 0 when there is nothing to be matched.
  package func totalBlocks(_ slot: EndpointSlot) -> Int {
    isExact(slot) ? tokens.totalBlocks : hasText ? text.totalBlocks : 0
  }

  /// Blocks that the endpoint holds, contiguous from the first of each prompt.
  package func matchedBlocks(_ slot: EndpointSlot) -> Int {
    isExact(slot) ? tokens.matchedBlocks(slot) : hasText ? text.matchedBlocks(slot) : 0
  }

  /// Share of the prompts that is held, 0...1.
  package func ratio(_ slot: EndpointSlot) -> Double {
    isExact(slot) ? tokens.ratio(slot) : hasText ? text.ratio(slot) : 0
  }

  /// Tokens that are held.
  package func matchedTokens(_ slot: EndpointSlot) -> Int {
    isExact(slot) ? tokens.matchedTokens(slot) : hasText ? text.matchedTokens(slot) : 0
  }

  /// Tokens that are held by the prompt's text: what was routed there, whatever engines announce.
  package func routedTokens(_ slot: EndpointSlot) -> Int { hasText ? text.matchedTokens(slot) : 0 }

  /// The same as a share of the prompts, 0...1.
  package func routedRatio(_ slot: EndpointSlot) -> Double { hasText ? text.ratio(slot) : 0 }

  /// Tokens that the engine will take from its cache.
  package func reusableTokens(_ slot: EndpointSlot) -> Int {
    isExact(slot) ? tokens.reusableTokens(slot) : hasText ? text.reusableTokens(slot) : 0
  }

  /// Those of them that the engine's own events say.
  package func announcedTokens(_ slot: EndpointSlot) -> Int {
    isExact(slot) && followed.contains(slot) ? tokens.announcedTokens(slot) : 0
  }

  /// Whether the engine's own events say all of that.
  package func isAnnounced(_ slot: EndpointSlot) -> Bool {
    isExact(slot) && followed.contains(slot) && tokens.isAnnounced(slot)
  }
}
