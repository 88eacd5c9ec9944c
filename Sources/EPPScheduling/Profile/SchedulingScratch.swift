import EPPCore
package import EPPPrefixCache

/// What scheduling needs beside the request, kept by a worker thread so that nothing is allocated per endpoint once it
/// is warm.
package struct SchedulingScratch {
  /// Candidate indices that the filters left.
  package var candidates: [Int] = []
  /// What each endpoint holds of the request's prompts.
  package var match = PrefixMatches()
  var slots: [EndpointSlot] = []
  var loads: [SchedulingContext.CandidateLoad] = []
  /// Scores of one scorer, in the order of the candidates.
  var scores: [Double] = []
  /// Scores of all scorers, clamped to 0...1: one row per scorer, a column per candidate.
  var allScores: [Double] = []
  /// Weighted sums, in the order of the candidates.
  package var totals: [Double] = []
  var picks: [Int] = []
  /// The thread's random numbers.
  package var random: PickRandom

  /// Empty storage.
  ///
  /// - Parameter seed: of this thread's random numbers.
  package init(seed: UInt64) { random = PickRandom(seed: seed) }
}
