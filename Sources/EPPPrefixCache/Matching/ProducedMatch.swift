package import EPPCore

/// What a data producer says of a request's prompt: a match in an index of its own, or one endpoint that is to be treated as if
/// it held the whole prompt. Each worker thread keeps one for each producer and reuses its storage.
package struct ProducedMatch: Sendable {
  private enum Kind {
    case nothing
    case index
    case whole(EndpointSlot, tokens: Int)
  }

  private var kind = Kind.nothing
  private var match: PrefixMatch?

  /// No endpoint holds anything.
  package init() {}

  /// Sets that no endpoint holds anything.
  package mutating func setNothing() { kind = .nothing }

  /// Sets that one endpoint holds the whole prompt, and the others nothing.
  package mutating func setWhole(_ slot: EndpointSlot, tokens: Int) { kind = .whole(slot, tokens: tokens) }

  /// Looks the prompt up in an index.
  package mutating func setMatch(in index: PrefixIndex, _ query: inout PrefixQuery) {
    kind = .index
    var match = self.match.take() ?? PrefixMatch()
    index.match(&query, into: &match)
    self.match = match
  }

  /// Tokens that the endpoint holds.
  package func tokens(_ slot: EndpointSlot) -> Int {
    switch kind {
    case .nothing: 0
    case .index: match?.matchedTokens(slot) ?? 0
    case .whole(let holder, let tokens): holder == slot ? tokens : 0
    }
  }

  /// The share of the prompt that the endpoint holds, 0...1.
  package func ratio(_ slot: EndpointSlot) -> Double {
    switch kind {
    case .nothing: 0
    case .index: match?.ratio(slot) ?? 0
    case .whole(let holder, _): holder == slot ? 1 : 0
    }
  }
}
