import EPPCore
package import EPPTracing

/// The working memory of scheduling on one worker thread, reused so that nothing is allocated per endpoint once it is warm.
package struct SchedulingScratch {
  /// The request that is being scheduled, and its candidates.
  package var context = SchedulingContext()
  var selection = CandidateSelection()
  /// The scores of all scorers, clamped to 0...1: one row per scorer, one element per candidate.
  private(set) var scores: [[Double]] = []
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
  /// The trace of the request; nil when it is not recorded.
  package var spans: RequestTrace?
  /// The thread's random number generator.
  package var random: PickRandom

  /// Empty storage.
  ///
  /// - Parameter seed: the seed of the thread's random numbers.
  package init(seed: UInt64) { random = PickRandom(seed: seed) }

  /// Releases the request and keeps the storage.
  package mutating func removeAll() {
    context.end()
    spans = nil
    runs.removeAll(keepingCapacity: true)
  }

  // MARK: - Scores

  /// Makes room for the scores of a profile. All sums and scores are 0.
  mutating func beginScoring(candidates: Int, scorers: Int) {
    totals.setCount(candidates, filler: 0)
    totals.clear()
    while scores.count < scorers { scores.append([]) }
    for row in 0..<scorers {
      scores[row].setCount(candidates, filler: 0)
      scores[row].clear()
    }
  }

  /// Lets a scorer write its row, clamps the scores to 0...1, and adds them to the sums.
  mutating func addScores(row: Int, of scorer: any Scorer, weight: Double) {
    scorer.score(context, into: scores[row].mutableSpan)
    totals.add(&scores[row], weight: weight)
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

  /// Clamps scores to 0...1 and adds them, weighted.
  fileprivate mutating func add(_ scores: inout [Double], weight: Double) {
    var sums = mutableSpan
    var scores = scores.mutableSpan
    precondition(scores.count == sums.count)
    for index in sums.indices {
      // A comparison with NaN is false. Read once, the loop has no branches.
      let given = scores[index]
      let score = given > 0 ? Swift.min(1, given) : 0
      scores[index] = score
      sums[index] += score * weight
    }
  }
}
