import EPPCore
import EPPMetrics
import EPPPrefixCache
import EPPTracing

/// A profile with its plugins: filters, weighted scorers and a picker. Immutable except for the state of its plugins, and shared
/// by all threads.
struct SchedulingProfile: Sendable {
  // Read for each request: small, for every copy is a retain of each field.
  private struct Narrowing: Sendable {
    let name: String
    let filter: any Filter
    let duration: Histogram?
  }

  private struct Weighted: Sendable {
    let name: String
    let type: String
    let scorer: any Scorer
    let weight: Double
    let duration: Histogram?
  }

  /// The profile's name.
  let name: String
  private let filters: [Narrowing]
  private let scorers: [Weighted]
  private let picker: any Picker
  private let timing: PluginTiming?
  private let pickerDuration: Histogram?
  private let decisions: DecisionCounters?

  /// - Parameters:
  ///   - instances: the plugins of the configuration.
  ///   - timing: measures the plugins; nil for no measurement.
  init(_ configuration: ProfileConfiguration, _ instances: PluginInstances, timing: PluginTiming?) {
    name = configuration.name
    self.timing = timing
    filters = configuration.filters.compactMap { plugin in
      instances.filter(plugin).map {
        Narrowing(name: plugin.name, filter: $0, duration: timing?.histogram(.filter, plugin))
      }
    }
    scorers = configuration.scorers.compactMap { entry in
      instances.scorer(entry.plugin).map {
        Weighted(
          name: entry.plugin.name, type: entry.plugin.descriptor.type, scorer: $0,
          weight: entry.weight.isFinite ? max(0, entry.weight) : 0,
          duration: timing?.histogram(.scorer, entry.plugin))
      }
    }
    picker = instances.picker(configuration.picker) ?? MaximumScorePicker(maximumEndpoints: 1)
    pickerDuration = timing?.histogram(.picker, configuration.picker)
    decisions = timing?.decisions(profile: configuration.name, scorers: scorers.map(\.name))
  }

  /// Narrows the candidates of `scratch.context`, in which the match is filled in, scores them and picks. Nil when no candidate
  /// is left.
  func run(_ scratch: inout SchedulingScratch) -> Decision? {
    var lap = timing.map { PluginTiming.Lap($0) }
    if !filters.isEmpty { scratch.spans?.beginFilters(candidates: scratch.context.candidates.count) }
    for entry in filters where !scratch.context.candidates.isEmpty {
      entry.filter.filter(scratch.context, &scratch.selection)
      scratch.applySelection()
      lap?.finish(entry.duration)
      scratch.trace?.note(filter: entry.name, kept: scratch.context)
    }
    let count = scratch.context.candidates.count
    if !filters.isEmpty { scratch.spans?.endFilters(left: count) }
    guard count > 0 else { return nil }
    scratch.beginScoring(candidates: count, scorers: scorers.count)
    score(&scratch, &lap)
    scratch.spans?.begin(.picking)
    picker.pick(scratch.totals, using: &scratch.random, into: &scratch.picks)
    lap?.finish(pickerDuration)
    scratch.spans?.endPicking(scratch)
    guard let best = scratch.picks.first else { return nil }
    return decision(best, scratch)
  }

  private func score(_ scratch: inout SchedulingScratch, _ lap: inout PluginTiming.Lap?) {
    scratch.spans?.beginScoring(scorers: scorers.count, candidates: scratch.context.candidates.count)
    for row in scorers.indices {
      if let spans = scratch.spans {
        spans.beginScorer(type: scorers[row].type, name: scorers[row].name, weight: scorers[row].weight)
      }
      scratch.addScores(row: row, of: scorers[row].scorer, weight: scorers[row].weight)
      lap?.finish(scorers[row].duration)
      scratch.spans?.endScorer(scratch.scores[row])
    }
    scratch.spans?.end()
  }

  // MARK: - Why

  private func decision(_ best: Int, _ scratch: borrowing SchedulingScratch) -> Decision {
    // The gateway's second choice is the runner-up unless one that it does not try has a greater sum.
    var runnerUp = scratch.picks.count > 1 ? scratch.picks[1] : nil
    for index in scratch.totals.indices where index != best {
      if runnerUp.map({ scratch.totals[index] > scratch.totals[$0] }) ?? true { runnerUp = index }
    }
    let candidates = scratch.context.candidates
    let slot = scratch.context.slots[best]
    let matched = scratch.context.match.matchedTokens(slot)
    var bestMatched = matched
    if !scratch.context.match.isEmpty {
      for index in scratch.context.slots.indices {
        bestMatched = max(bestMatched, scratch.context.match.matchedTokens(scratch.context.slots[index]))
      }
    }
    return Decision(
      picks: scratch.picks.map { candidates[$0] }, score: scratch.totals[best],
      runnerUp: runnerUp.map { candidates[$0] },
      reason: reason(best, over: runnerUp, scratch), matchedBlocks: scratch.context.match.matchedBlocks(slot),
      totalBlocks: scratch.context.match.totalBlocks(slot), matchedTokens: matched,
      reusableTokens: scratch.context.match.reusableTokens(slot), isExact: scratch.context.match.isExact(slot),
      announcedTokens: scratch.context.match.announcedTokens(slot),
      isAnnounced: scratch.context.match.isAnnounced(slot), candidateCount: candidates.count,
      bestMatchedTokens: bestMatched, isCold: bestMatched == 0)
  }

  private func reason(_ best: Int, over runnerUp: Int?, _ scratch: borrowing SchedulingScratch) -> Decision.Reason {
    guard let runnerUp else {
      decisions?.count(.onlyCandidate)
      return .onlyCandidate
    }
    if scratch.totals[best] < scratch.totals[runnerUp] {
      decisions?.count(.random)
      return .random
    }
    var deciding: (row: Int, advantage: Double)?
    if scratch.totals[best] > scratch.totals[runnerUp] {
      for (row, entry) in scorers.enumerated() {
        let advantage = (scratch.scores[row][best] - scratch.scores[row][runnerUp]) * entry.weight
        if advantage > deciding?.advantage ?? 0 { deciding = (row, advantage) }
      }
    }
    guard let deciding else {
      decisions?.count(.tie)
      return .tie
    }
    decisions?.count(.scorer(row: deciding.row))
    return .scorer(name: scorers[deciding.row].name, advantage: deciding.advantage)
  }

  /// All scores and loads behind the last decision made with `scratch`.
  func explain(_ decision: Decision, _ scratch: borrowing SchedulingScratch) -> DecisionExplanation {
    let count = scratch.totals.count
    let members = scratch.context.snapshot.members
    var candidates: [DecisionExplanation.Candidate] = []
    for position in 0..<count {
      var opinions: [DecisionExplanation.Opinion] = []
      for (row, entry) in scorers.enumerated() {
        opinions.append(
          DecisionExplanation.Opinion(
            scorer: entry.name, weight: entry.weight, score: scratch.scores[row][position]))
      }
      let index = scratch.context.candidates[position]
      candidates.append(
        DecisionExplanation.Candidate(
          index: index, name: members[index].endpoint.name, total: scratch.totals[position], opinions: opinions,
          load: scratch.context.loads[position],
          matchedBlocks: scratch.context.match.matchedBlocks(scratch.context.slots[position])))
    }
    candidates.sort { ($0.total, -$0.index) > ($1.total, -$1.index) }
    return DecisionExplanation(decision: decision, candidates: candidates)
  }
}
