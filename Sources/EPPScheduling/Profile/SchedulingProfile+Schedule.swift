package import EPPCore
import EPPPrefixCache

extension SchedulingProfile {
  /// Sets `scratch.candidates` to the endpoints that the request may go to.
  package func selectCandidates(_ snapshot: PoolSnapshot, _ context: RequestContext, _ scratch: inout SchedulingScratch)
  {
    scratch.candidates.removeAll(keepingCapacity: true)
    scratch.candidates.append(contentsOf: snapshot.members.indices)
    for filter in filters {
      filter.filter(&scratch.candidates, snapshot: snapshot, context: context)
      if scratch.candidates.isEmpty { return }
    }
  }

  /// Decides among `scratch.candidates`, with `scratch.match` filled in; nil when there is none.
  package func schedule(
    _ snapshot: PoolSnapshot, _ request: InferenceRequest, _ requestContext: RequestContext, now: MonotonicTime,
    _ scratch: inout SchedulingScratch
  ) -> Decision? {
    let count = scratch.candidates.count
    guard count > 0 else { return nil }
    scratch.loads.removeAll(keepingCapacity: true)
    scratch.slots.removeAll(keepingCapacity: true)
    let all = snapshot.members
    let members = all.span
    for candidate in scratch.candidates {
      scratch.loads.append(SchedulingContext.CandidateLoad(of: candidate, in: members))
      scratch.slots.append(members[candidate].endpoint.slot)
    }
    scratch.allScores.removeAll(keepingCapacity: true)
    scratch.totals.removeAll(keepingCapacity: true)
    scratch.totals.append(contentsOf: repeatElement(0, count: count))
    let context = SchedulingContext(
      snapshot: snapshot, request: request, context: requestContext, now: now, candidates: scratch.candidates,
      slots: scratch.slots, loads: scratch.loads, match: scratch.match)
    var lap = timing.map { PluginTiming.Lap($0) }
    for entry in scorers {
      scratch.scores.removeAll(keepingCapacity: true)
      scratch.scores.append(contentsOf: repeatElement(0, count: count))
      entry.scorer.score(context, into: &scratch.scores)
      for index in 0..<count {
        // A comparison with NaN is false.
        let score = scratch.scores[index] > 0 ? min(1, scratch.scores[index]) : 0
        scratch.allScores.append(score)
        scratch.totals[index] += score * entry.weight
      }
      lap?.finish(entry.duration)
    }
    picker.pick(scratch.totals, using: &scratch.random, into: &scratch.picks)
    lap?.finish(pickerDuration)
    guard let best = scratch.picks.first else { return nil }
    return decision(best, snapshot, scratch)
  }

  private func decision(_ best: Int, _ snapshot: PoolSnapshot, _ scratch: borrowing SchedulingScratch) -> Decision {
    // The gateway's second choice is the runner-up unless one that it does not try has a greater sum.
    var runnerUp = scratch.picks.count > 1 ? scratch.picks[1] : nil
    for index in scratch.totals.indices where index != best {
      if runnerUp.map({ scratch.totals[index] > scratch.totals[$0] }) ?? true { runnerUp = index }
    }
    let slot = scratch.slots[best]
    return Decision(
      picks: scratch.picks.map { scratch.candidates[$0] }, score: scratch.totals[best],
      runnerUp: runnerUp.map { scratch.candidates[$0] },
      reason: reason(best, over: runnerUp, scratch), matchedBlocks: scratch.match.matchedBlocks(slot),
      totalBlocks: scratch.match.totalBlocks(slot), matchedTokens: scratch.match.matchedTokens(slot),
      reusableTokens: scratch.match.reusableTokens(slot), isExact: scratch.match.isExact(slot),
      announcedTokens: scratch.match.announcedTokens(slot), isAnnounced: scratch.match.isAnnounced(slot),
      candidateCount: scratch.candidates.count)
  }

  private func reason(_ best: Int, over runnerUp: Int?, _ scratch: borrowing SchedulingScratch) -> Decision.Reason {
    guard let runnerUp else { return .onlyCandidate }
    if scratch.totals[best] == scratch.totals[runnerUp] { return .tie }
    if scratch.totals[best] < scratch.totals[runnerUp] { return .lot }
    let count = scratch.candidates.count
    var reason = Decision.Reason.tie
    var greatest = 0.0
    for (row, entry) in scorers.enumerated() {
      let difference = scratch.allScores[row * count + best] - scratch.allScores[row * count + runnerUp]
      if difference * entry.weight > greatest {
        greatest = difference * entry.weight
        reason = .scorer(name: entry.name, advantage: greatest)
      }
    }
    return reason
  }

  /// Every number behind the decision that was last made with `scratch`.
  package func explain(
    _ decision: Decision, _ snapshot: PoolSnapshot, _ scratch: borrowing SchedulingScratch
  ) -> DecisionExplanation {
    let count = scratch.candidates.count
    var candidates: [DecisionExplanation.Candidate] = []
    for position in 0..<count {
      var opinions: [DecisionExplanation.Opinion] = []
      for (row, entry) in scorers.enumerated() {
        opinions.append(
          DecisionExplanation.Opinion(
            scorer: entry.name, weight: entry.weight, score: scratch.allScores[row * count + position]))
      }
      let index = scratch.candidates[position]
      candidates.append(
        DecisionExplanation.Candidate(
          index: index, name: snapshot.members[index].endpoint.name, total: scratch.totals[position],
          opinions: opinions, load: scratch.loads[position],
          matchedBlocks: scratch.match.matchedBlocks(scratch.slots[position])))
    }
    candidates.sort { ($0.total, -$0.index) > ($1.total, -$1.index) }
    return DecisionExplanation(decision: decision, candidates: candidates)
  }
}
