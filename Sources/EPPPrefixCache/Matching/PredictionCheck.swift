/// How an engine's cache differs from what was known of it.
package enum CacheContradiction: Sendable, Equatable {
  /// Blocks are gone that its events had announced.
  case holdsLess
  /// It holds blocks that are not known.
  case holdsMore
}

/// Compares the predictions for an endpoint's cache with its engine's reports, answer by answer.
///
/// One contradiction may be an eviction between the pick and the request's start; several of one kind in a row mean that the
/// known contents are wrong. One of each kind may be chance.
package struct PredictionCheck: Sendable {
  /// The result of one comparison.
  package enum Verdict: Sendable, Equatable {
    case right
    /// The prediction was wrong. The contradiction is given when it has occurred often enough in a row to act on, else nil.
    case wrong(CacheContradiction?)
  }

  /// Contradictions of one kind in a row at which the cache's contents are to be learned anew.
  private static let tolerated = 2
  private var contradictions = 0
  private var last: CacheContradiction?

  /// A check without contradictions.
  package init() {}

  /// Compares one answer with its prediction.
  ///
  /// - Parameters:
  ///   - predicted: tokens that the engine was expected to take from its cache.
  ///   - reported: tokens that it reported as cached.
  ///   - blockTokens: tokens in one of its blocks. A difference of up to one block is tolerated: another request may store or
  ///     evict a prompt's last block meanwhile.
  ///   - seesPicks: whether recent picks were part of the prediction. Otherwise the engine holds more with every second request
  ///     of a burst, which says nothing of its events.
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
