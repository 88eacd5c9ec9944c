import EPPCore

/// What scheduling needs beside the request, kept by a worker thread so that nothing is allocated per endpoint once it
/// is warm.
package struct SchedulingScratch {
  /// The request that is being scheduled, and its candidates.
  package var context = SchedulingContext()
  var selection = CandidateSelection()
  /// Scores of one scorer, in the order of the candidates.
  var scores: [Double] = []
  /// Scores of all scorers, clamped to 0...1: one row per scorer, a column per candidate.
  var allScores: [Double] = []
  /// Weighted sums, in the order of the candidates.
  package internal(set) var totals: [Double] = []
  var picks: [Int] = []
  /// The thread's random numbers.
  package var random: PickRandom

  /// Empty storage.
  ///
  /// - Parameter seed: of this thread's random numbers.
  package init(seed: UInt64) { random = PickRandom(seed: seed) }

  /// Lets go of the request, and keeps the storage for the next one.
  package mutating func removeAll() { context.end() }
}
