package import EPPCore

/// What each endpoint holds of a request, matched in two ways: by the prompt's text, which finds what was routed where, and by
/// its token ids, by which engines announce their blocks.
///
/// An endpoint whose events are followed is matched by token ids, the others by text, where both exist.
package struct PrefixMatches: Sendable {
  /// The match by text, or empty.
  package var text = PrefixMatch()
  /// The match by token ids, or empty.
  package var tokens = PrefixMatch()
  /// Endpoints whose events are followed.
  package var followed = SlotSet.empty
  /// What data producers say, in the order of the producers; empty where there are none.
  package var produced: [ProducedMatch] = []
  private var hasText = false
  private var hasTokens = false

  /// No matches.
  package init() {}

  /// Sets which of the two matches exist for the next request; the caller then fills them from the index.
  package mutating func begin(hasText: Bool, hasTokens: Bool, followed: SlotSet) {
    self.hasText = hasText
    self.hasTokens = hasTokens
    self.followed = followed
  }

  /// Whether there are no blocks that an endpoint could hold.
  package var isEmpty: Bool { !(hasText && text.totalBlocks > 0) && !(hasTokens && tokens.totalBlocks > 0) }

  /// Whether an endpoint is matched by token ids instead of by the prompt's text.
  @inline(__always)
  package func isExact(_ slot: EndpointSlot) -> Bool { hasTokens && (!hasText || followed.contains(slot)) }

  /// Full blocks of the prompts in the way the endpoint is matched; 0 when there is nothing to match.
  package func totalBlocks(_ slot: EndpointSlot) -> Int {
    isExact(slot) ? tokens.totalBlocks : hasText ? text.totalBlocks : 0
  }

  /// Blocks that the endpoint holds, contiguous from the first of each prompt.
  @inline(__always)
  package func matchedBlocks(_ slot: EndpointSlot) -> Int {
    isExact(slot) ? tokens.matchedBlocks(slot) : hasText ? text.matchedBlocks(slot) : 0
  }

  /// The share of the prompts that the endpoint holds, 0...1.
  @inline(__always)
  package func ratio(_ slot: EndpointSlot) -> Double {
    isExact(slot) ? tokens.ratio(slot) : hasText ? text.ratio(slot) : 0
  }

  /// Tokens that the endpoint holds.
  @inline(__always)
  package func matchedTokens(_ slot: EndpointSlot) -> Int {
    isExact(slot) ? tokens.matchedTokens(slot) : hasText ? text.matchedTokens(slot) : 0
  }

  /// Tokens that were routed to the endpoint, matched by the prompt's text, whatever its engine has announced.
  package func routedTokens(_ slot: EndpointSlot) -> Int { hasText ? text.matchedTokens(slot) : 0 }

  /// The share of the prompts that was routed to the endpoint, 0...1, matched by the prompt's text.
  package func routedRatio(_ slot: EndpointSlot) -> Double { hasText ? text.ratio(slot) : 0 }

  /// Tokens that the endpoint holds, as a data producer says.
  package func producedTokens(_ producer: Int, _ slot: EndpointSlot) -> Int {
    produced.indices.contains(producer) ? produced[producer].tokens(slot) : 0
  }

  /// The share of the prompt that the endpoint holds, 0...1, as a data producer says.
  package func producedRatio(_ producer: Int, _ slot: EndpointSlot) -> Double {
    produced.indices.contains(producer) ? produced[producer].ratio(slot) : 0
  }

  /// Tokens that the engine is expected to take from its cache.
  package func reusableTokens(_ slot: EndpointSlot) -> Int {
    isExact(slot) ? tokens.reusableTokens(slot) : hasText ? text.reusableTokens(slot) : 0
  }

  /// Part of `reusableTokens` that the engine's KV events announced; 0 if its events are not followed.
  package func announcedTokens(_ slot: EndpointSlot) -> Int {
    isExact(slot) && followed.contains(slot) ? tokens.announcedTokens(slot) : 0
  }

  /// Whether the engine's KV events announced all of `reusableTokens`; false if its events are not followed.
  package func isAnnounced(_ slot: EndpointSlot) -> Bool {
    isExact(slot) && followed.contains(slot) && tokens.isAnnounced(slot)
  }
}
