import Synchronization

/// Counts the requests and uncached prompt tokens that this process has sent to one endpoint. Request threads write the
/// counters and scorers read them, without locks.
///
/// There is one object per endpoint in a slot. Every request holds a reference to it, so a late `releaseRequest` never counts
/// for the slot's next endpoint.
package final class EndpointLoad: Sendable {
  private let dispatchedRequests = Atomic<UInt64>(0)
  private let dispatchedTokens = Atomic<UInt64>(0)
  private let untrackedRequests = Atomic<UInt64>(0)
  private let untrackedTokens = Atomic<UInt64>(0)
  private let requests = Atomic<Int>(0)
  private let tokens = Atomic<Int>(0)

  /// Counters at zero.
  package init() {}

  /// Cumulative counts of dispatched requests since the endpoint joined the pool. Only differences between two readings have a
  /// meaning.
  package struct Totals: Equatable, Sendable {
    /// Requests whose end is seen.
    package var requests: UInt64 = 0
    /// Prompt tokens of these requests that were expected to miss the endpoint's cache.
    package var uncachedTokens: UInt64 = 0
    /// Requests whose end is not seen (`--response-processing`).
    package var untrackedRequests: UInt64 = 0
    /// Prompt tokens of untracked requests that were expected to miss the endpoint's cache.
    package var untrackedTokens: UInt64 = 0

    package init(requests: UInt64 = 0, uncachedTokens: UInt64 = 0) {
      self.requests = requests
      self.uncachedTokens = uncachedTokens
    }
  }

  /// Requests in flight, or the part of them that a metrics page cannot show yet.
  package struct InFlight: Equatable, Sendable {
    /// Requests that were sent and have not ended.
    package var requests: Int
    /// Prompt tokens that were expected to miss the endpoint's cache and have not been computed.
    package var uncachedTokens: Int

    package init(requests: Int = 0, uncachedTokens: Int = 0) {
      self.requests = requests
      self.uncachedTokens = uncachedTokens
    }

    @inline(__always)
    static func + (left: InFlight, right: InFlight) -> InFlight {
      InFlight(
        requests: left.requests + right.requests, uncachedTokens: left.uncachedTokens + right.uncachedTokens)
    }
  }

  /// Counts a request that is sent to the endpoint and whose end will be seen.
  ///
  /// - Parameter uncachedTokens: prompt tokens that are expected to miss the endpoint's cache; a negative number counts as 0.
  package func dispatch(uncachedTokens: Int) {
    dispatchedRequests.wrappingAdd(1, ordering: .relaxed)
    dispatchedTokens.wrappingAdd(UInt64(max(0, uncachedTokens)), ordering: .relaxed)
    requests.wrappingAdd(1, ordering: .relaxed)
    tokens.wrappingAdd(max(0, uncachedTokens), ordering: .relaxed)
  }

  /// Counts a request that is sent to the endpoint and whose end will not be seen: it counts as unseen until the next scrape
  /// starts.
  ///
  /// - Parameter uncachedTokens: prompt tokens that are expected to miss the endpoint's cache; a negative number counts as 0.
  package func dispatchUntracked(uncachedTokens: Int) {
    untrackedRequests.wrappingAdd(1, ordering: .relaxed)
    untrackedTokens.wrappingAdd(UInt64(max(0, uncachedTokens)), ordering: .relaxed)
  }

  /// Subtracts the tokens of a dispatched request from those in flight, once its prompt has been computed.
  package func releaseTokens(_ uncachedTokens: Int) {
    tokens.wrappingSubtract(max(0, uncachedTokens), ordering: .relaxed)
  }

  /// Subtracts a dispatched request from those in flight, once it has ended.
  package func releaseRequest() {
    requests.wrappingSubtract(1, ordering: .relaxed)
  }

  /// The cumulative counts at this moment.
  @inline(__always)
  package var totals: Totals {
    var totals = Totals(
      requests: dispatchedRequests.load(ordering: .relaxed),
      uncachedTokens: dispatchedTokens.load(ordering: .relaxed))
    totals.untrackedRequests = untrackedRequests.load(ordering: .relaxed)
    totals.untrackedTokens = untrackedTokens.load(ordering: .relaxed)
    return totals
  }

  /// Requests that were dispatched and have not ended. Untracked requests are not counted.
  @inline(__always)
  package var inFlight: InFlight {
    InFlight(
      requests: max(0, requests.load(ordering: .relaxed)), uncachedTokens: max(0, tokens.load(ordering: .relaxed)))
  }

  /// Requests that were dispatched after `scrape` was read and have not ended: the part that the scraped page cannot contain.
  ///
  /// Bounded by the requests in flight, so a request that came and ended between two scrapes counts for nothing. An untracked
  /// request counts for the whole time until the next scrape.
  package func unseen(since scrape: Totals) -> InFlight { reading(since: scrape).unseen }

  /// What `reading` returns.
  package struct Reading: Sendable {
    /// Requests that were dispatched and have not ended, untracked ones excepted.
    package let tracked: InFlight
    /// The same with untracked requests, each of which counts until the scrape after it, because its end is not seen.
    package let inFlight: InFlight
    /// The part that the scraped page cannot contain, as `unseen` returns it.
    package let unseen: InFlight
  }

  /// Reads all counters once.
  ///
  /// - Parameter scrape: the totals when the last scrape was started.
  @inline(__always)
  package func reading(since scrape: Totals) -> Reading {
    let now = totals
    let tracked = inFlight
    let untracked = InFlight(
      requests: Int(clamping: now.untrackedRequests &- scrape.untrackedRequests),
      uncachedTokens: Int(clamping: now.untrackedTokens &- scrape.untrackedTokens))
    return Reading(
      tracked: tracked, inFlight: tracked + untracked,
      unseen: InFlight(
        requests: min(tracked.requests, Int(clamping: now.requests &- scrape.requests)),
        uncachedTokens: min(tracked.uncachedTokens, Int(clamping: now.uncachedTokens &- scrape.uncachedTokens)))
        + untracked)
  }
}
