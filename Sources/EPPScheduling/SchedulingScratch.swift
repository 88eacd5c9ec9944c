package import EPPPrefixCache

/// What scheduling needs beside the request, kept by a worker thread so that nothing is allocated once it is warm.
package struct SchedulingScratch {
  package var candidates: [Int] = []
  package var match = PrefixMatch()
  var loads: [SchedulingContext.CandidateLoad] = []
  /// One row of weighted scores per scorer, a column per candidate.
  var weighted: [Double] = []
  var scores: [Double] = []
  package var totals: [Double] = []
  var picks: [Int] = []
  package var random: PickRandom

  package init(seed: UInt64) { random = PickRandom(seed: seed) }
}
