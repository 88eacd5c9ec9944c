/// The pool at one moment: immutable, shared by reference, replaced as a whole, at most once per 5 ms.
///
/// A request takes one reference for its pick and reads nothing else of the data layer. Indices into `members` are candidate
/// indices; they are valid for this snapshot only.
package final class PoolSnapshot: Sendable {
  /// An endpoint with its metrics and load.
  package struct Member: Sendable {
    /// Identity and addresses.
    package let endpoint: Endpoint
    /// The values of the last successfully read metrics page.
    package let metrics: EndpointMetrics
    /// Names of the models that the engine serves, adapters among them; nil where they are not asked for, or not known yet.
    package let models: [String]?
    /// This process's own counters of requests sent to the endpoint.
    package let load: EndpointLoad
    /// Whether the last successful scrape is older than the staleness threshold, or there was none. Scorers use the mean of the
    /// fresh members instead of a stale page: zero would draw all requests to an engine that may be dead, and saturation would
    /// exclude it.
    package let isStale: Bool
    /// Whether the last connection attempt to the endpoint's address was refused, there or by the engine behind a proxy.
    package let refusesConnections: Bool
    /// `endpoint.address` as text, made once because it goes into every destination header.
    package let destination: String

    /// - Parameter destination: the address as text, where it is made already.
    package init(
      endpoint: Endpoint, metrics: EndpointMetrics, models: [String]? = nil, load: EndpointLoad, isStale: Bool,
      refusesConnections: Bool = false, destination: String? = nil
    ) {
      self.endpoint = endpoint
      self.metrics = metrics
      self.models = models
      self.load = load
      self.isStale = isStale
      self.refusesConnections = refusesConnections
      self.destination = destination ?? endpoint.address.description
    }

    /// Whether the endpoint's current value of a load metric is unknown: its page is stale or lacks the metric.
    package func lacks(_ family: EndpointMetrics.LoadFamilies) -> Bool { isStale || metrics.missing.contains(family) }
  }

  /// All endpoints of the pool. A position in it is a candidate index.
  package let members: [Member]
  /// What every request reads of the members, in their order.
  package let loads: [MemberLoad]
  /// Whether any member refuses connections.
  package let hasRefusing: Bool
  /// Identifies the endpoints with their labels: equal in snapshots that differ in metrics and load alone.
  package let membership: Membership
  private let indexByDestination: [String: Int]

  /// The identity of a set of endpoints in an order, to be compared with `===`. What is derived from the endpoints alone, by
  /// candidate index, holds as long as it is the same.
  package final class Membership: Sendable {}

  /// - Parameters:
  ///   - members: all endpoints of the pool.
  ///   - predecessor: the snapshot that this one replaces. Its look-up table is reused when the destinations are the same, as
  ///     they are in nearly all of 160 snapshots a second.
  package init(members: [Member], replacing predecessor: PoolSnapshot? = nil) {
    self.members = members
    hasRefusing = members.contains(where: \.refusesConnections)
    let lacking = members.contains { $0.isStale || !$0.metrics.missing.isEmpty }
    let assumed = lacking ? AssumedLoad(of: members) : AssumedLoad()
    loads = members.map { MemberLoad($0, assumed: assumed) }
    if let predecessor, predecessor.hasSameMembers(members) {
      indexByDestination = predecessor.indexByDestination
      membership = predecessor.membership
      return
    }
    membership = Membership()
    indexByDestination = Dictionary(
      members.enumerated().map { ($0.element.destination, $0.offset) }, uniquingKeysWith: { first, _ in first })
  }

  /// A pool without members.
  package static let empty = PoolSnapshot(members: [])

  private func hasSameMembers(_ others: [Member]) -> Bool {
    guard members.count == others.count else { return false }
    for index in members.indices
    where members[index].destination != others[index].destination
      // Labels that were not changed share their storage, which makes them equal at once.
      || members[index].endpoint.labels != others[index].endpoint.labels
      || members[index].endpoint.slot != others[index].endpoint.slot
    {
      return false
    }
    return true
  }

  /// The candidate index of the endpoint with the address `ip:port`; nil when there is none.
  package func index(ofDestination destination: String) -> Int? { indexByDestination[destination] }
}

/// Holds the current snapshot. Reading it takes a lock for a few instructions and never waits for I/O.
package protocol PoolSnapshotSource: AnyObject, Sendable {
  /// The newest snapshot.
  func currentSnapshot() -> PoolSnapshot
}
