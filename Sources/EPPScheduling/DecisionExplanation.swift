/// Every number behind a decision: made only when somebody asks.
package struct DecisionExplanation: Sendable, Equatable {
  /// A scorer's opinion of an endpoint.
  package struct Opinion: Sendable, Equatable {
    package var scorer: String
    package var weight: Double
    /// 0...1.
    package var score: Double
  }

  package struct Candidate: Sendable, Equatable {
    /// The candidate index in the snapshot.
    package var index: Int
    package var name: String
    /// The weighted sum.
    package var total: Double
    package var opinions: [Opinion]
    package var load: SchedulingContext.CandidateLoad
    /// Blocks of the prompt that the endpoint is taken to hold.
    package var matchedBlocks: Int
  }

  package var decision: Decision
  /// In the order of their sums, best first.
  package var candidates: [Candidate]
}
