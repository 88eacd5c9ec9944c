/// The pool as it stood at one moment: immutable, shared by reference, replaced whole (at most once per 5 ms).
///
/// A request takes one reference at its pick and reads nothing else of the data layer. Positions in `endpoints` are
/// called candidate indices; they are valid for this snapshot only.
package final class PoolSnapshot: Sendable {
  /// An endpoint with what is known of it.
  package struct Member: Sendable {
    package let endpoint: Endpoint
    package let metrics: EndpointMetrics
    package let load: EndpointLoad
    /// Whether the last scrape is older than the staleness threshold, or there was none. A stale endpoint's load is
    /// judged by own in-flight counts only: never as zero and never as saturated (DESIGN section 8).
    package let isStale: Bool
    /// `endpoint.address` as text, made once: it goes into every destination header.
    package let destination: String

    package init(endpoint: Endpoint, metrics: EndpointMetrics, load: EndpointLoad, isStale: Bool) {
      self.endpoint = endpoint
      self.metrics = metrics
      self.load = load
      self.isStale = isStale
      self.destination = endpoint.address.description
    }

    /// What the endpoint holds that its page cannot show: everything in flight when the page is stale.
    package var unseen: EndpointLoad.InFlight {
      isStale ? load.inFlight : load.unseen(since: metrics.dispatchedAtScrape)
    }

    /// Waiting requests, counting those that the page cannot show.
    package var queueDepth: Int { (isStale ? 0 : metrics.waitingRequests) + unseen.requests }

    /// Running requests, counting those that the page cannot show.
    package var runningRequests: Int { (isStale ? 0 : metrics.runningRequests) + unseen.requests }

    /// Share of the KV cache in use, 0...1, counting the prompts that the page cannot show where the capacity is known.
    package var kvCacheUsage: Double {
      let scraped = isStale ? 0 : metrics.kvCacheUsage
      guard let capacity = metrics.cacheCapacityTokens, capacity > 0 else { return min(1, max(0, scraped)) }
      return min(1, max(0, scraped + Double(unseen.uncachedTokens) / Double(capacity)))
    }
  }

  package let members: [Member]
  private let indexByDestination: [String: Int]
  private let indexBySlot: [EndpointSlot: Int]

  package init(members: [Member]) {
    self.members = members
    indexByDestination = Dictionary(
      members.enumerated().map { ($0.element.destination, $0.offset) }, uniquingKeysWith: { first, _ in first })
    indexBySlot = Dictionary(
      members.enumerated().map { ($0.element.endpoint.slot, $0.offset) }, uniquingKeysWith: { first, _ in first })
  }

  package static let empty = PoolSnapshot(members: [])

  /// The candidate index of the endpoint whose address is written `ip:port`.
  package func index(ofDestination destination: String) -> Int? { indexByDestination[destination] }

  /// The candidate index of the endpoint that holds a slot; nil when its tenant has gone.
  package func index(of slot: EndpointSlot) -> Int? { indexBySlot[slot] }
}
