package import EPPCore
package import EPPPrefixCache

/// Everything that filters and scorers may read of one request and the pool: values taken once, so that all see the same.
package struct SchedulingContext {
  /// The pool, which stays as it is while the request is scheduled.
  package internal(set) var snapshot = PoolSnapshot.empty
  /// What the body says.
  package internal(set) var request = InferenceRequest(api: .passthrough)
  /// What the gateway says.
  package internal(set) var context = RequestContext(requestID: "")
  /// The time of the pick.
  package internal(set) var now = MonotonicTime(nanoseconds: 0)
  /// Candidate indices into `snapshot.members`; never empty when scorers are asked.
  package internal(set) var candidates: [Int] = []
  /// Slots of the candidates, in their order.
  package internal(set) var slots: [EndpointSlot] = []
  /// Loads of the candidates, in their order.
  package internal(set) var loads: [CandidateLoad] = []
  /// How much of the prompt each endpoint holds; empty for filters of eligibility.
  package var match = PrefixMatches()

  init() {}

  /// Takes up a request: all endpoints of the pool are candidates.
  mutating func begin(
    _ snapshot: PoolSnapshot, _ request: InferenceRequest, _ context: RequestContext, now: MonotonicTime
  ) {
    self.snapshot = snapshot
    self.request = request
    self.context = context
    self.now = now
    candidates.removeAll(keepingCapacity: true)
    slots.removeAll(keepingCapacity: true)
    loads.removeAll(keepingCapacity: true)
    let all = snapshot.members
    let members = all.span
    for index in members.indices {
      candidates.append(index)
      slots.append(members[index].endpoint.slot)
      loads.append(CandidateLoad(of: index, in: members))
    }
  }

  /// Leaves the candidates at these positions, which are ascending.
  mutating func keep(_ positions: [Int]) {
    for (new, old) in positions.enumerated() where new != old {
      candidates[new] = candidates[old]
      slots[new] = slots[old]
      loads[new] = loads[old]
    }
    let excess = candidates.count - positions.count
    candidates.removeLast(excess)
    slots.removeLast(excess)
    loads.removeLast(excess)
  }

  private static let noRequest = InferenceRequest(api: .passthrough)
  private static let noContext = RequestContext(requestID: "")

  /// Lets go of the request, and keeps the storage.
  mutating func end() {
    snapshot = .empty
    request = Self.noRequest
    context = Self.noContext
  }

  /// An endpoint's load at the moment of the pick. Own dispatches that no scrape shows yet are counted in.
  package struct CandidateLoad: Sendable, Equatable {
    /// Requests that wait.
    package var queueDepth: Int
    /// Requests in the engine's batch.
    package var runningRequests: Int
    /// Share of the KV cache in use, 0...1.
    package var kvCacheUsage: Double

    /// Reads the counts of an endpoint once: they move while a request is scheduled, and the least, the greatest and
    /// the own value have to come from one reading. A number that the endpoint's page does not say, or not any more, is what
    /// the snapshot assumes, and everything in flight.
    @inline(__always)
    package init(of index: Int, in members: Span<PoolSnapshot.Member>) {
      // Members are large: field by field and through a span none is copied.
      let isStale = members[index].isStale
      let load = members[index].load
      let missing = members[index].metrics.missing
      let unseen = isStale ? load.inFlight : load.unseen(since: members[index].metrics.dispatchedAtScrape)
      let assumed = members[index].assumed
      if isStale || !missing.isEmpty {
        let inFlight = load.inFlight
        let (lacksWaiting, lacksRunning) = (
          isStale || missing.contains(.waitingRequests), isStale || missing.contains(.runningRequests)
        )
        queueDepth =
          lacksWaiting
          ? assumed.waitingRequests + inFlight.requests : members[index].metrics.waitingRequests + unseen.requests
        runningRequests =
          lacksRunning
          ? assumed.runningRequests + inFlight.requests : members[index].metrics.runningRequests + unseen.requests
      } else {
        queueDepth = members[index].metrics.waitingRequests + unseen.requests
        runningRequests = members[index].metrics.runningRequests + unseen.requests
      }
      let lacksUsage = isStale || missing.contains(.kvCacheUsage)
      var usage = lacksUsage ? assumed.kvCacheUsage : members[index].metrics.kvCacheUsage
      if let blocks = members[index].metrics.cacheBlocks, let tokens = members[index].metrics.cacheBlockTokens {
        let capacity = Double(blocks) * Double(tokens)
        let tokensUnseen = lacksUsage ? load.inFlight.uncachedTokens : unseen.uncachedTokens
        if capacity > 0 { usage += Double(tokensUnseen) / capacity }
      }
      // A usage that is no number is as good as none reported.
      kvCacheUsage = usage > 0 ? min(1, usage) : 0
    }

    /// A load out of its figures.
    package init(queueDepth: Int, runningRequests: Int, kvCacheUsage: Double) {
      self.queueDepth = queueDepth
      self.runningRequests = runningRequests
      self.kvCacheUsage = kvCacheUsage
    }
  }
}
