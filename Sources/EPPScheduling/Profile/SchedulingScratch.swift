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
  /// The profiles that were run for the request.
  var runs: [ProfileRun] = []
  /// Whether the weighted sums of the candidates are kept in `decodeScores`.
  package var keepsScores = false
  /// The candidates of the profile whose pick the request is sent to, with their sums; empty unless `keepsScores` is true.
  package private(set) var decodeScores: [Schedule.ScoredEndpoint] = []
  /// The reasons of the decision, while somebody wants them; nil costs nothing.
  package var trace: DecisionTrace?
  /// The thread's random number generator.
  package var random: PickRandom

  /// Empty storage.
  ///
  /// - Parameter seed: the seed of the thread's random numbers.
  package init(seed: UInt64) { random = PickRandom(seed: seed) }

  /// Releases the request and keeps the storage.
  package mutating func removeAll() {
    context.end()
    runs.removeAll(keepingCapacity: true)
  }

  // MARK: - Scores

  /// Makes room for the scores of a profile. All sums are 0, and so are the scores of the next scorer.
  mutating func beginScoring(candidates: Int, scorers: Int) {
    totals.setCount(candidates, filler: 0)
    scores.setCount(candidates, filler: 0)
    allScores.setCount(candidates * scorers, filler: 0)
    totals.clear()
    scores.clear()
  }

  /// Keeps the scores of a scorer, clamped to 0...1, adds them to the sums, and sets them to 0 for the next scorer.
  mutating func addScores(row: Int, weight: Double) {
    totals.add(taking: &scores, weight: weight, keeping: &allScores, from: row * totals.count)
  }

  /// Keeps the sums of the last run.
  mutating func keepScores() {
    guard keepsScores else { return }
    decodeScores.removeAll(keepingCapacity: true)
    for (position, index) in context.candidates.enumerated() where position < totals.count {
      decodeScores.append(Schedule.ScoredEndpoint(index: index, total: totals[position]))
    }
  }

  /// Removes the candidates that a filter has not kept.
  mutating func applySelection() {
    guard selection.isNarrowed else { return }
    context.keep(selection.kept)
    selection.reset()
  }
}

// Loops over candidates and scorers: over spans, which are checked once, and not element by element.
extension [Double] {
  /// Sets all elements to 0.
  fileprivate mutating func clear() {
    var values = mutableSpan
    for index in values.indices { values[index] = 0 }
  }

  /// Adds scores, clamped to 0...1 and weighted, writes what was clamped into another array from a place on, and clears the
  /// scores.
  fileprivate mutating func add(
    taking scores: inout [Double], weight: Double, keeping kept: inout [Double], from first: Int
  ) {
    var scores = scores.mutableSpan
    var sums = mutableSpan
    var rows = kept.mutableSpan
    for index in sums.indices {
      // A comparison with NaN is false.
      let score = scores[index] > 0 ? Swift.min(1, scores[index]) : 0
      scores[index] = 0
      rows[first + index] = score
      sums[index] += score * weight
    }
  }
}
