package import EPPCore
package import EPPPrefixCache

/// Everything a scorer may read of one request and the pool: values taken once, so that all scorers see the same.
package struct SchedulingContext {
  package let snapshot: PoolSnapshot
  package let request: InferenceRequest
  package let context: RequestContext
  package let now: MonotonicTime
  /// Candidate indices into `snapshot.members`; never empty when scorers are asked.
  package internal(set) var candidates: [Int] = []
  /// Loads of the candidates, in their order.
  package internal(set) var loads: [CandidateLoad] = []
  /// How much of the prompt each endpoint holds.
  package internal(set) var match: PrefixMatch

  /// An endpoint's load at the moment of the pick. Own dispatches that no scrape shows yet are counted in.
  package struct CandidateLoad: Sendable, Equatable {
    package var queueDepth: Int
    package var runningRequests: Int
    /// 0...1.
    package var kvCacheUsage: Double
  }
}
