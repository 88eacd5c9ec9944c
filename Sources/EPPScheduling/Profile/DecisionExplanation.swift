/// All scores and loads behind a decision; made only on request.
package struct DecisionExplanation: Sendable, Equatable {
  /// One scorer's score of an endpoint.
  package struct Opinion: Sendable, Equatable {
    /// The scorer's name.
    package var scorer: String
    /// Its weight in the sum.
    package var weight: Double
    /// The score, 0...1.
    package var score: Double
  }

  /// An endpoint that was scored.
  package struct Candidate: Sendable, Equatable {
    /// The candidate index in the snapshot.
    package var index: Int
    /// The endpoint's name.
    package var name: String
    /// The weighted sum.
    package var total: Double
    /// One for each scorer, in the order of the profile.
    package var opinions: [Opinion]
    /// The load that the scorers used.
    package var load: SchedulingContext.CandidateLoad
    /// Blocks of the prompt that the endpoint is assumed to hold.
    package var matchedBlocks: Int
  }

  /// The decision.
  package var decision: Decision
  /// All scored endpoints by their sums, the greatest first.
  package var candidates: [Candidate]
}
