/// How an engine's cache has proved to be otherwise than it was known.
package enum CacheContradiction: Sendable, Equatable {
  /// Blocks are gone that its events had announced.
  case holdsLess
  /// It holds blocks that are not known.
  case holdsMore
}

/// Holds what was predicted of an endpoint's cache against what its engine reports, answer by answer.
///
/// One contradiction may be an eviction between the pick and the request's start; several in a row mean that what is known
/// of the cache is wrong.
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

  package init() {}

  /// - Parameters:
  ///   - predicted: tokens that the engine was expected to take from its cache.
  ///   - reported: tokens that it says it took.
  ///   - blockTokens: tokens in one of its blocks. A difference of one block is none: the last block of a prompt may be
  ///     stored, or evicted, by a neighbour meanwhile.
  package mutating func note(predicted: Int, reported: Int, blockTokens: Int) -> Verdict {
    guard abs(predicted - reported) > blockTokens else {
      contradictions = 0
      return .right
    }
    contradictions += 1
    guard contradictions >= Self.tolerated else { return .wrong(nil) }
    contradictions = 0
    return .wrong(predicted > reported ? .holdsLess : .holdsMore)
  }
}
