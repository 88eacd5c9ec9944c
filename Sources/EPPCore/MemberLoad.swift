/// What the load of an endpoint is computed from at each pick. Its own page and the pool's mean are merged when the snapshot is made, so
/// that a pick reads two cache lines of an endpoint: this and the counters.
package struct MemberLoad: Sendable {
  /// The endpoint's slot.
  package let slot: EndpointSlot
  let counters: EndpointLoad
  let dispatchedAtScrape: EndpointLoad.Totals
  let waitingRequests: Int
  let runningRequests: Int
  let kvCacheUsage: Double
  /// Tokens in the KV cache; 0 when the engine does not say.
  let capacity: Double
  /// The metrics that are not known: all requests in flight count beside the assumed value, not those alone that the page cannot
  /// show.
  let missing: EndpointMetrics.LoadFamilies
  /// Requests that may have been on their way to the engine when it wrote the page; 0 where the page does not say its load.
  let recentDispatches: Int

  init(_ member: borrowing PoolSnapshot.Member, assumed: AssumedLoad) {
    slot = member.endpoint.slot
    counters = member.load
    dispatchedAtScrape = member.metrics.dispatchedAtScrape
    missing = member.isStale ? [.waitingRequests, .runningRequests, .kvCacheUsage] : member.metrics.missing
    waitingRequests = missing.contains(.waitingRequests) ? assumed.waitingRequests : member.metrics.waitingRequests
    runningRequests = missing.contains(.runningRequests) ? assumed.runningRequests : member.metrics.runningRequests
    kvCacheUsage = missing.contains(.kvCacheUsage) ? assumed.kvCacheUsage : member.metrics.kvCacheUsage
    recentDispatches =
      missing.isDisjoint(with: [.waitingRequests, .runningRequests]) ? member.metrics.recentDispatches : 0
    capacity = Double(member.metrics.cacheBlocks ?? 0) * Double(member.metrics.cacheBlockTokens ?? 0)
  }

  /// Reads an endpoint's counters once: they change while a request is scheduled, and the least, the greatest and the endpoint's own
  /// value have to come from one reading.
  @inline(__always)
  package static func reading(of index: Int, in members: Span<MemberLoad>) -> CandidateLoad {
    // Field by field and through a span, no element is copied.
    let counts = members[index].counters.reading(since: members[index].dispatchedAtScrape)
    let missing = members[index].missing
    let tracked = counts.tracked
    var unseen = counts.unseen
    // A request is at the engine some milliseconds after it was dispatched. One that was dispatched shortly before the scrape, and is
    // neither on the page nor has ended, was on its way: each of them would make a burst too much for an endpoint.
    if members[index].recentDispatches > 0 {
      let onPage = members[index].waitingRequests + members[index].runningRequests
      unseen.requests += max(0, min(members[index].recentDispatches, tracked.requests - unseen.requests - onPage))
    }
    var usage = members[index].kvCacheUsage
    let capacity = members[index].capacity
    if capacity > 0 {
      usage += Double(missing.contains(.kvCacheUsage) ? tracked.uncachedTokens : unseen.uncachedTokens) / capacity
    }
    return CandidateLoad(
      queueDepth: members[index].waitingRequests
        + (missing.contains(.waitingRequests) ? tracked.requests : unseen.requests),
      runningRequests: members[index].runningRequests
        + (missing.contains(.runningRequests) ? tracked.requests : unseen.requests),
      // A usage that is no number is as good as none reported.
      kvCacheUsage: usage > 0 ? min(1, usage) : 0, inFlight: counts.inFlight)
  }
}

/// Load that is assumed for an endpoint while its own values are unknown.
struct AssumedLoad: Equatable, Sendable {
  /// Requests in the waiting queue.
  var waitingRequests = 0
  /// Requests in the running batch.
  var runningRequests = 0
  /// Share of the KV cache in use, 0...1.
  var kvCacheUsage = 0.0

  /// No load.
  init() {}

  /// The mean of each metric over the members that are fresh and report it; request counts are rounded up.
  init(of members: [PoolSnapshot.Member]) {
    var counts = (waiting: 0, running: 0, usage: 0)
    for member in members {
      if !member.lacks(.waitingRequests) {
        counts.waiting += 1
        waitingRequests += member.metrics.waitingRequests
      }
      if !member.lacks(.runningRequests) {
        counts.running += 1
        runningRequests += member.metrics.runningRequests
      }
      if !member.lacks(.kvCacheUsage) {
        counts.usage += 1
        kvCacheUsage += member.metrics.kvCacheUsage
      }
    }
    if counts.waiting > 0 { waitingRequests = (waitingRequests + counts.waiting - 1) / counts.waiting }
    if counts.running > 0 { runningRequests = (runningRequests + counts.running - 1) / counts.running }
    if counts.usage > 0 { kvCacheUsage /= Double(counts.usage) }
  }
}
