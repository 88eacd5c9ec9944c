package import EPPCore
package import EPPPrefixCache

/// What filters and scorers may read of one request and the pool. All values are read once, so that all plugins see the same.
package struct SchedulingContext {
  /// The pool; it does not change while the request is scheduled.
  package internal(set) var snapshot = PoolSnapshot.empty
  /// The parsed body.
  package internal(set) var request = InferenceRequest(api: .passthrough)
  /// What the gateway sent besides the body.
  package internal(set) var context = RequestContext(requestID: "")
  /// The time of the pick.
  package internal(set) var now = MonotonicTime(nanoseconds: 0)
  /// Candidate indices into `snapshot.members`; never empty when scorers are called.
  package internal(set) var candidates: [Int] = []
  /// Slots of the candidates, in the order of `candidates`.
  package internal(set) var slots: [EndpointSlot] = []
  /// Loads of the candidates, in the order of `candidates`.
  package internal(set) var loads: [CandidateLoad] = []
  /// How much of the prompt each endpoint of the pool holds.
  package var match = PrefixMatches()
  /// A random number above 0 and below 1, the same for all plugins of the request.
  package internal(set) var lot = 0.5
  /// The candidate index of the endpoint that was picked to decode, while another stage is scheduled after it; else nil.
  package internal(set) var decodePick: Int?
  /// The candidates before the filters of a profile, for the next profile; empty where there is one profile.
  private var eligible: (candidates: [Int], slots: [EndpointSlot], loads: [CandidateLoad]) = ([], [], [])

  init() {}

  /// Starts the scheduling of a request, with all endpoints of the pool as candidates.
  mutating func begin(
    _ snapshot: PoolSnapshot, _ request: InferenceRequest, _ context: RequestContext, now: MonotonicTime
  ) {
    self.snapshot = snapshot
    self.request = request
    self.context = context
    self.now = now
    decodePick = nil
    let all = snapshot.loads
    let members = all.span
    let count = members.count
    candidates.setCount(count, filler: 0)
    slots.setCount(count, filler: EndpointSlot(index: 0, generation: 0))
    loads.setCount(count, filler: CandidateLoad(queueDepth: 0, runningRequests: 0, kvCacheUsage: 0))
    var candidates = candidates.mutableSpan
    for index in members.indices { candidates[index] = index }
    var slots = slots.mutableSpan
    for index in members.indices { slots[index] = members[index].slot }
    var loads = loads.mutableSpan
    for index in members.indices { loads[index] = MemberLoad.reading(of: index, in: members) }
  }

  /// Removes all candidates but those at these positions, which are ascending.
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

  /// Keeps the candidates for `restoreCandidates`.
  mutating func saveCandidates() { eligible = (candidates, slots, loads) }

  /// Makes the saved candidates the candidates again.
  mutating func restoreCandidates() { (candidates, slots, loads) = eligible }

  /// Tokens of the prompt that the candidate at a position would have to compute.
  @inline(__always)
  package func uncachedTokens(at position: Int, _ view: PrefixView) -> Int {
    max(0, request.promptTokens - (request.readsNoCache ? 0 : view.matchedTokens(match, slots[position])))
  }

  /// Whether no candidate holds any of the prompt.
  package var isCold: Bool {
    for slot in slots where match.matchedBlocks(slot) > 0 { return false }
    return true
  }

  /// The load of every candidate with the requests of this process.
  func uses() -> [EndpointUse] {
    candidates.indices.map { EndpointUse(load: loads[$0], inFlight: loads[$0].inFlight) }
  }

  private static let noRequest = InferenceRequest(api: .passthrough)
  private static let noContext = RequestContext(requestID: "")

  /// Releases the request and keeps the storage.
  mutating func end() {
    snapshot = .empty
    request = Self.noRequest
    context = Self.noContext
  }
}

extension Array {
  /// Gives the array a number of elements, of any value, and keeps its storage.
  mutating func setCount(_ wanted: Int, filler: Element) {
    if wanted < count {
      removeLast(count - wanted)
    } else if wanted > count {
      append(contentsOf: repeatElement(filler, count: wanted - count))
    }
  }
}
