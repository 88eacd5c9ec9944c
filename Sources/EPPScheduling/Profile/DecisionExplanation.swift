package import EPPCore

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
    package var load: CandidateLoad
    /// Blocks of the prompt that the endpoint is assumed to hold.
    package var matchedBlocks: Int
  }

  /// The decision.
  package var decision: Decision
  /// All scored endpoints by their sums, the greatest first.
  package var candidates: [Candidate]
}

/// The reasons of one request's decision, profile by profile.
package struct DecisionTrace: Sendable, Equatable {
  /// What a filter has left.
  package struct FilterResult: Sendable, Equatable {
    /// The filter's name.
    package var filter: String
    /// Candidate indices of the endpoints that are left.
    package var kept: [Int]
  }

  /// A profile that was run.
  package struct Run: Sendable, Equatable {
    /// The profile's name.
    package var profile: String
    /// What the pick is used for.
    package var stage: ServingStage
    /// The filters in the order of their calls.
    package var filters: [FilterResult]
    /// The scores and the pick; nil when no endpoint was left.
    package var explanation: DecisionExplanation?
  }

  /// The profiles in the order of their runs.
  package private(set) var runs: [Run] = []
  private var filters: [FilterResult] = []

  /// A trace of nothing.
  package init() {}

  mutating func note(filter: String, kept context: borrowing SchedulingContext) {
    filters.append(FilterResult(filter: filter, kept: context.candidates))
  }

  mutating func end(profile: String, _ stage: ServingStage, _ explanation: DecisionExplanation?) {
    runs.append(Run(profile: profile, stage: stage, filters: filters, explanation: explanation))
    filters = []
  }
}
