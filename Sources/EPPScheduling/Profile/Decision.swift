/// The decision on a request, with its reasons. Endpoints are given as candidate indices of the snapshot.
package struct Decision: Sendable, Equatable {
  /// Why the pick was preferred to the runner-up.
  package enum Reason: Sendable, Equatable {
    /// There was one candidate.
    case onlyCandidate
    /// Both had equal sums; one was chosen at random.
    case tie
    /// The runner-up had a greater sum: the picker picks at random.
    case random
    /// The scorer with the largest weighted advantage of the pick over the runner-up.
    case scorer(name: String, advantage: Double)
  }

  /// Endpoints for the request, best first; the gateway tries them in this order. Distinct, never empty.
  package var picks: [Int]
  /// The pick's weighted sum.
  package var score: Double
  /// The best of the other candidates; nil when there is none.
  package var runnerUp: Int?
  /// Why the pick was preferred to the runner-up.
  package var reason: Reason
  /// Blocks of the prompt that the picked endpoint is assumed to hold.
  package var matchedBlocks: Int
  /// Full blocks of the prompt.
  package var totalBlocks: Int
  /// Tokens of the prompt that the picked endpoint is assumed to hold.
  package var matchedTokens: Int
  /// Tokens of the prompt that the picked endpoint is expected not to compute again.
  package var reusableTokens: Int
  /// Whether the picked endpoint was matched by token ids instead of by the prompt's text.
  package var isExact: Bool
  /// Part of `reusableTokens` that the engine's KV events announced; 0 if its events are not followed.
  package var announcedTokens: Int
  /// Whether the engine's KV events announced all of `reusableTokens`; false if its events are not followed.
  package var isAnnounced: Bool
  /// Endpoints that the scorers scored.
  package var candidateCount: Int
  /// The most tokens of the prompt that an endpoint that was scored is assumed to hold.
  package var bestMatchedTokens: Int
  /// Whether no endpoint that was scored holds any of the prompt.
  package var isCold: Bool

  /// The name of the scorer that decided; nil when none did.
  package var decidingScorer: String? {
    if case .scorer(let name, _) = reason { name } else { nil }
  }
}
