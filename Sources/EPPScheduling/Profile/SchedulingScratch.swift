import EPPCore

/// The working memory of scheduling on one worker thread, reused so that nothing is allocated per endpoint once it is warm.
package struct SchedulingScratch {
  /// The request that is being scheduled, and its candidates.
  package var context = SchedulingContext()
  var selection = CandidateSelection()
  /// The scores of one scorer, in the order of the candidates.
  var scores: [Double] = []
  /// The scores of all scorers, clamped to 0...1: one row per scorer, one column per candidate.
  var allScores: [Double] = []
  /// Weighted sums, in the order of the candidates.
  package internal(set) var totals: [Double] = []
  var picks: [Int] = []
  /// The thread's random number generator.
  package var random: PickRandom

  /// Empty storage.
  ///
  /// - Parameter seed: the seed of the thread's random numbers.
  package init(seed: UInt64) { random = PickRandom(seed: seed) }

  /// Releases the request and keeps the storage.
  package mutating func removeAll() { context.end() }
}
