/// Every number behind a decision: made only when somebody asks.
package struct DecisionExplanation: Sendable, Equatable {
  /// A scorer's opinion of an endpoint.
  package struct Opinion: Sendable, Equatable {
    /// The scorer's name.
    package var scorer: String
    /// Its weight in the sum.
    package var weight: Double
    /// 0...1.
    package var score: Double
  }

  /// An endpoint that the scorers were asked about.
  package struct Candidate: Sendable, Equatable {
    /// The candidate index in the snapshot.
    package var index: Int
    /// The endpoint's name.
    package var name: String
    /// The weighted sum.
    package var total: Double
    /// One of each scorer, in the order of the profile.
    package var opinions: [Opinion]
    /// The load that the scorers saw.
    package var load: SchedulingContext.CandidateLoad
    /// Blocks of the prompt that the endpoint is taken to hold.
    package var matchedBlocks: Int
  }

  /// What was decided.
  package var decision: Decision
  /// In the order of their sums, best first.
  package var candidates: [Candidate]
}
