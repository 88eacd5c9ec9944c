/// What was decided for a request, and why. Positions are candidate indices of the snapshot.
package struct Decision: Sendable, Equatable {
  /// What made the difference between the pick and the runner-up.
  package enum Reason: Sendable, Equatable {
    /// There was one candidate.
    case onlyCandidate
    /// Both had the same sum: one of them at random.
    case tie
    /// The picker chose against the sums: it picks at random.
    case random
    /// The scorer with the largest weighted advantage of the pick over the runner-up.
    case scorer(name: String, advantage: Double)
  }

  /// Where to send it, best first; the gateway tries them in order. Distinct, and never empty.
  package var picks: [Int]
  /// The pick's weighted sum.
  package var score: Double
  /// The best of the others; nil when there is no other.
  package var runnerUp: Int?
  /// What made the difference.
  package var reason: Reason
  /// Blocks of the prompt that the pick is taken to hold.
  package var matchedBlocks: Int
  /// Blocks of the prompt.
  package var totalBlocks: Int
  /// Tokens of the prompt that the pick is taken to hold.
  package var matchedTokens: Int
  /// Tokens of the prompt that the pick is expected not to compute again.
  package var reusableTokens: Int
  /// Whether that was found out by token ids: exact, if what is known of the endpoint is.
  package var isExact: Bool
  /// Those of them that the engine's own events say are there.
  package var announcedTokens: Int
  /// Whether the engine's own events say so.
  package var isAnnounced: Bool
  /// Endpoints that the scorers were asked about.
  package var candidateCount: Int

  /// The name of the scorer that decided; nil when none did.
  package var decidingScorer: String? {
    if case .scorer(let name, _) = reason { name } else { nil }
  }
}
