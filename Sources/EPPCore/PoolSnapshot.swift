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
    /// Whether the last scrape is older than the staleness threshold, or there was none. What a stale endpoint's page
    /// would say is taken from the others (`assumed`): neither as nothing, which would draw all requests to an engine
    /// that may be dead, nor as saturated.
    package let isStale: Bool
    /// Whether nobody listened at the endpoint's address when it was last tried.
    package let refusesConnections: Bool
    /// What stands in for a stale endpoint's page, and for numbers that a page lacks: the mean of the pool's fresh ones; zero where
    /// there is none.
    package fileprivate(set) var assumed = AssumedLoad()
    /// `endpoint.address` as text, made once: it goes into every destination header.
    package let destination: String

    /// - Parameter destination: the address as text, where it is made already.
    package init(
      endpoint: Endpoint, metrics: EndpointMetrics, load: EndpointLoad, isStale: Bool,
      refusesConnections: Bool = false, destination: String? = nil
    ) {
      self.endpoint = endpoint
      self.metrics = metrics
      self.load = load
      self.isStale = isStale
      self.refusesConnections = refusesConnections
      self.destination = destination ?? endpoint.address.description
    }

    /// Whether a number of the page says nothing of the endpoint's load now.
    package func lacks(_ family: EndpointMetrics.LoadFamilies) -> Bool { isStale || metrics.missing.contains(family) }
  }

  /// Load that an endpoint is taken to have while its page is not known.
  package struct AssumedLoad: Equatable, Sendable {
    package var waitingRequests = 0
    package var runningRequests = 0
    /// 0...1.
    package var kvCacheUsage = 0.0

    package init() {}

    /// The mean of the members that are fresh and say it, for each number; whole requests rounded up.
    init(of members: [Member]) {
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

  package let members: [Member]
  /// Whether a member refuses connections.
  package let hasRefusing: Bool
  private let indexByDestination: [String: Int]

  /// - Parameter predecessor: the snapshot that this one replaces; its look-up table serves on while the members are
  ///   the same, as they are in nearly all of 160 snapshots a second.
  package init(members: [Member], replacing predecessor: PoolSnapshot? = nil) {
    hasRefusing = members.contains(where: \.refusesConnections)
    if members.contains(where: { $0.isStale || !$0.metrics.missing.isEmpty }) {
      let assumed = AssumedLoad(of: members)
      self.members = members.map { member in
        var member = member
        if member.isStale || !member.metrics.missing.isEmpty { member.assumed = assumed }
        return member
      }
    } else {
      self.members = members
    }
    if let predecessor, predecessor.hasSameMembers(members) {
      indexByDestination = predecessor.indexByDestination
      return
    }
    indexByDestination = Dictionary(
      members.enumerated().map { ($0.element.destination, $0.offset) }, uniquingKeysWith: { first, _ in first })
  }

  package static let empty = PoolSnapshot(members: [])

  private func hasSameMembers(_ others: [Member]) -> Bool {
    guard members.count == others.count else { return false }
    for index in members.indices
    where members[index].destination != others[index].destination {
      return false
    }
    return true
  }

  /// The candidate index of the endpoint whose address is written `ip:port`.
  package func index(ofDestination destination: String) -> Int? { indexByDestination[destination] }
}

/// Whoever holds the current snapshot. Reading it is a lock of a few instructions, never a wait for I/O.
package protocol PoolSnapshotSource: AnyObject, Sendable {
  /// The newest snapshot.
  func currentSnapshot() -> PoolSnapshot
}
