package import EPPCore
import EPPPrefixCache

extension SchedulingProfile {
  /// Sets `scratch.candidates` to the endpoints that the request may go to.
  package func selectCandidates(_ snapshot: PoolSnapshot, _ context: RequestContext, _ scratch: inout SchedulingScratch) {
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
    for candidate in scratch.candidates {
      // Read once: the counts behind it move while this runs.
      let member = snapshot.members[candidate]
      let load = member.load(now: now)
      scratch.loads.append(load)
    }
    scratch.totals.removeAll(keepingCapacity: true)
    scratch.totals.append(contentsOf: repeatElement(0, count: count))
    scratch.weighted.removeAll(keepingCapacity: true)
    let context = SchedulingContext(
      snapshot: snapshot, request: request, context: requestContext, now: now, candidates: scratch.candidates,
      loads: scratch.loads, match: scratch.match)
    for entry in scorers {
      scratch.scores.removeAll(keepingCapacity: true)
      scratch.scores.append(contentsOf: repeatElement(0, count: count))
      entry.scorer.score(context, into: &scratch.scores)
      for index in 0..<count {
        let score = scratch.scores[index]
        let value = score > 0 ? min(1, score) * entry.weight : 0
        scratch.weighted.append(value)
        scratch.totals[index] += value
      }
    }
    picker.pick(scratch.totals, using: &scratch.random, into: &scratch.picks)
    guard let best = scratch.picks.first else { return nil }
    return decision(best, snapshot, scratch)
  }

  private func decision(_ best: Int, _ snapshot: PoolSnapshot, _ scratch: borrowing SchedulingScratch) -> Decision {
    let count = scratch.candidates.count
    var runnerUp: Int?
    for index in 0..<count where index != best {
      if runnerUp.map({ scratch.totals[index] > scratch.totals[$0] }) ?? true { runnerUp = index }
    }
    var deciding: String?
    if let runnerUp {
      var advantage = 0.0
      for (row, entry) in scorers.enumerated() {
        let difference = scratch.weighted[row * count + best] - scratch.weighted[row * count + runnerUp]
        if difference > advantage {
          advantage = difference
          deciding = entry.name
        }
      }
    }
    let slot = snapshot.members[scratch.candidates[best]].endpoint.slot
    return Decision(
      picks: scratch.picks.map { scratch.candidates[$0] }, score: scratch.totals[best],
      runnerUp: runnerUp.map { scratch.candidates[$0] }, decidingScorer: deciding,
      matchedBlocks: scratch.match.matchedBlocks(slot), totalBlocks: scratch.match.totalBlocks, candidateCount: count)
  }
}

extension PoolSnapshot.Member {
  /// Load figures from one reading of the in-flight counts.
  fileprivate func load(now: MonotonicTime) -> SchedulingContext.CandidateLoad {
    let unseen = unseen
    var usage = isStale ? 0 : metrics.kvCacheUsage
    if let capacity = metrics.cacheCapacityTokens, capacity > 0 {
      usage += Double(unseen.uncachedTokens) / Double(capacity)
    }
    return SchedulingContext.CandidateLoad(
      queueDepth: (isStale ? 0 : metrics.waitingRequests) + unseen.requests,
      runningRequests: (isStale ? 0 : metrics.runningRequests) + unseen.requests,
      kvCacheUsage: min(1, max(0, usage)))
  }
}
