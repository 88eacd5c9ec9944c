import EPPCore
import EPPTracing

/// The spans of a profile's run, named as in llm-d.
extension RequestTrace {
  /// Begins the run of a profile.
  func beginProfile(_ name: String) {
    begin(.profile)
    setStage(.profile, name)
  }

  func beginFilters(candidates: Int) {
    begin(.filters)
    setStage(.unfiltered, candidates)
  }

  func endFilters(left: Int) {
    setStage(.filtered, left)
    end()
  }

  func beginScoring(scorers: Int, candidates: Int) {
    begin(.scoring)
    setStage(.scorerCount, scorers)
    setStage(.scoringCandidates, candidates)
  }

  /// Begins a scorer of the profile.
  func beginScorer(type: String, name: String, weight: Double) {
    begin(.scorer(type))
    setStage(.scorerType, type)
    setStage(.scorerName, name)
    setStage(.scorerWeight, weight)
  }

  /// Ends a scorer with its scores of the candidates, each 0...1.
  func endScorer(_ scores: [Double]) {
    setStage(.scorerCandidates, scores.count)
    setStage(.scored, scores.count)
    setStage(.greatestScore, scores.max() ?? 0)
    setStage(.meanScore, scores.reduce(0, +) / Double(max(1, scores.count)))
    end()
  }

  /// Ends the pick among candidates, of which the five with the greatest sums are told.
  func endPicking(_ scratch: borrowing SchedulingScratch) {
    let totals = scratch.totals
    let members = scratch.context.snapshot.members
    let best = totals.indices.sorted { (totals[$0], -$0) > (totals[$1], -$1) }.prefix(Self.told)
    setStage(.pickerCandidates, totals.count)
    setStage(.topEndpoints, best.map { members[scratch.context.candidates[$0]].endpoint.name })
    setStage(.topScores, best.map { totals[$0] })
    end()
  }

  /// As many as llm-d tells.
  private static let told = 5
}
