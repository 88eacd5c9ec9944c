/// How an engine's cache has proved to be otherwise than it was known.
package enum CacheContradiction: Sendable, Equatable {
  /// Blocks are gone that its events had announced.
  case holdsLess
  /// It holds blocks that are not known.
  case holdsMore
}

/// Holds what was predicted of an endpoint's cache against what its engine reports, answer by answer.
///
/// One contradiction may be an eviction between the pick and the request's start; several of one kind in a row mean that what
/// is known of the cache is wrong. One of each kind is no more than chance.
package struct PredictionCheck: Sendable {
  /// What follows from an answer.
  package enum Verdict: Sendable, Equatable {
    case right
    /// Wrong, and not for the first time in a row where it says how.
    case wrong(CacheContradiction?)
  }

  /// Contradictions in a row after which the cache is learned anew.
  private static let tolerated = 2
  private var contradictions = 0
  private var last: CacheContradiction?

  package init() {}

  /// - Parameters:
  ///   - predicted: tokens that the engine was expected to take from its cache.
  ///   - reported: tokens that it says it took.
  ///   - blockTokens: tokens in one of its blocks. A difference of one block is none: the last block of a prompt may be
  ///     stored, or evicted, by a neighbour meanwhile.
  ///   - seesPicks: whether what was sent there a moment ago was counted in. Else the engine holds more with every second
  ///     request of a burst, which says nothing of its events.
  package mutating func note(
    predicted: Int, reported: Int, blockTokens: Int, seesPicks: Bool = true
  ) -> Verdict {
    let contradiction: CacheContradiction = predicted > reported ? .holdsLess : .holdsMore
    guard abs(predicted - reported) > blockTokens else {
      contradictions = 0
      return .right
    }
    guard seesPicks || contradiction == .holdsLess else { return .wrong(nil) }
    contradictions = contradiction == last ? contradictions + 1 : 1
    last = contradiction
    guard contradictions >= Self.tolerated else { return .wrong(nil) }
    contradictions = 0
    return .wrong(contradiction)
  }
}
