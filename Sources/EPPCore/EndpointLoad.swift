import Synchronization

/// What this process has sent to an endpoint and what of it is still there: counters that request threads write and
/// scorers read, without locks.
///
/// One object per endpoint in a slot; it lives as long as anything refers to it, so a late `finish` never counts for
/// another endpoint.
package final class EndpointLoad: Sendable {
  private let dispatchedRequests = Atomic<UInt64>(0)
  private let dispatchedTokens = Atomic<UInt64>(0)
  private let untrackedRequests = Atomic<UInt64>(0)
  private let untrackedTokens = Atomic<UInt64>(0)
  private let requests = Atomic<Int>(0)
  private let tokens = Atomic<Int>(0)

  package init() {}

  /// Everything ever dispatched. Only differences have a meaning.
  package struct Totals: Equatable, Sendable {
    package var requests: UInt64 = 0
    /// Prompt tokens that were expected to miss the endpoint's cache.
    package var uncachedTokens: UInt64 = 0
    /// The same for requests whose end is not seen (`--response-processing`).
    package var untrackedRequests: UInt64 = 0
    package var untrackedTokens: UInt64 = 0

    package init(requests: UInt64 = 0, uncachedTokens: UInt64 = 0) {
      self.requests = requests
      self.uncachedTokens = uncachedTokens
    }
  }

  /// What is in flight, or the part of it that a metrics page cannot show yet.
  package struct InFlight: Equatable, Sendable {
    package var requests: Int
    package var uncachedTokens: Int

    package init(requests: Int = 0, uncachedTokens: Int = 0) {
      self.requests = requests
      self.uncachedTokens = uncachedTokens
    }
  }

  /// A request leaves for the endpoint.
  package func dispatch(uncachedTokens: Int) {
    dispatchedRequests.wrappingAdd(1, ordering: .relaxed)
    dispatchedTokens.wrappingAdd(UInt64(max(0, uncachedTokens)), ordering: .relaxed)
    requests.wrappingAdd(1, ordering: .relaxed)
    tokens.wrappingAdd(max(0, uncachedTokens), ordering: .relaxed)
  }

  /// A request leaves for the endpoint and its end will not be seen: it counts until the next scrape shows it.
  package func dispatchUntracked(uncachedTokens: Int) {
    untrackedRequests.wrappingAdd(1, ordering: .relaxed)
    untrackedTokens.wrappingAdd(UInt64(max(0, uncachedTokens)), ordering: .relaxed)
  }

  /// The prompt of a dispatched request has been computed: its tokens are no longer pending.
  package func releaseTokens(_ uncachedTokens: Int) {
    tokens.wrappingSubtract(max(0, uncachedTokens), ordering: .relaxed)
  }

  /// A dispatched request has ended.
  package func releaseRequest() {
    requests.wrappingSubtract(1, ordering: .relaxed)
  }

  package var totals: Totals {
    var totals = Totals(
      requests: dispatchedRequests.load(ordering: .relaxed),
      uncachedTokens: dispatchedTokens.load(ordering: .relaxed))
    totals.untrackedRequests = untrackedRequests.load(ordering: .relaxed)
    totals.untrackedTokens = untrackedTokens.load(ordering: .relaxed)
    return totals
  }

  /// Everything that was dispatched and has not ended.
  package var inFlight: InFlight {
    InFlight(
      requests: max(0, requests.load(ordering: .relaxed)), uncachedTokens: max(0, tokens.load(ordering: .relaxed)))
  }

  /// What was dispatched after `scrape` began and has not ended: the part that the scraped page cannot contain.
  ///
  /// Bounded by what is in flight, so a request that came and went between two scrapes counts for nothing; a request
  /// whose end is not seen counts for all of the time between two scrapes.
  package func unseen(since scrape: Totals) -> InFlight {
    let now = totals
    let flight = inFlight
    return InFlight(
      requests: min(flight.requests, Int(clamping: now.requests &- scrape.requests))
        + Int(clamping: now.untrackedRequests &- scrape.untrackedRequests),
      uncachedTokens: min(flight.uncachedTokens, Int(clamping: now.uncachedTokens &- scrape.uncachedTokens))
        + Int(clamping: now.untrackedTokens &- scrape.untrackedTokens))
  }
}
