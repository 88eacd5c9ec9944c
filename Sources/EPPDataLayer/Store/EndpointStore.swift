package import EPPCore
package import Logging
import Synchronization

/// Which endpoints exist and what they last said: the one place that discovery and scraping write to, and the source of
/// the snapshots that requests read.
///
/// All methods may be called from any thread. `currentSnapshot` takes a lock of its own for the length of a reference
/// count and never waits for a writer. A snapshot is made at most once per `publishInterval`, except that the first one
/// and changes of membership go out at once; what comes between is published by `publishIfDue`, which the owner calls
/// at the times that the store names.
package final class EndpointStore: PoolSnapshotSource {
  /// Times that say when metrics are old and how often snapshots are made.
  package struct Configuration: Sendable {
    /// Metrics of this age are stale.
    package var stalenessThreshold: Duration
    /// From one snapshot to the next at least, while only metrics change.
    package var publishInterval: Duration

    package init(stalenessThreshold: Duration = .seconds(2), publishInterval: Duration = .milliseconds(5)) {
      self.stalenessThreshold = stalenessThreshold
      self.publishInterval = publishInterval
    }
  }

  /// A party that names endpoints; each owns the ones that it named.
  package enum Source: String, Sendable, Hashable {
    case flags
    case file
    case kubernetes
  }

  struct Tenant {
    var endpoint: Endpoint { didSet { destination = endpoint.address.description } }
    let load: EndpointLoad
    var metrics = EndpointMetrics()
    var health: EndpointHealth
    /// The address as text: it goes into every destination header and is made once.
    private var destination: String

    init(endpoint: Endpoint, load: EndpointLoad) {
      self.endpoint = endpoint
      self.load = load
      health = EndpointHealth(endpoint: endpoint)
      destination = endpoint.address.description
    }

    /// A change between stale and fresh, for the log.
    struct Turn {
      var endpoint: Endpoint
      var isStale: Bool
      var hasBeenFresh: Bool
    }

    /// The snapshot's view, and when it turns stale. Works in place: a tenant is large to copy.
    mutating func makeMember(
      _ now: MonotonicTime, threshold: Duration
    ) -> (member: PoolSnapshot.Member, staleAt: MonotonicTime?, turn: Turn?) {
      let staleAt = metrics.scrapedAt?.advanced(by: threshold)
      let isStale = staleAt.map { now >= $0 } ?? true
      var turn: Turn?
      if isStale != health.isStale {
        turn = Turn(endpoint: endpoint, isStale: isStale, hasBeenFresh: health.hasBeenFresh)
        health.isStale = isStale
        health.hasBeenFresh = true
      }
      let member = PoolSnapshot.Member(
        endpoint: endpoint, metrics: metrics, load: load, isStale: isStale,
        refusesConnections: health.refusesConnections, destination: destination)
      return (member, staleAt, turn)
    }
  }

  struct State {
    /// By slot index; nil where the slot is free.
    var tenants: [Tenant?] = []
    var isDirty = false
    var publishedAt: MonotonicTime?
    /// When the first of the published endpoints turns stale if nothing comes.
    var staleAt: MonotonicTime?
  }

  /// Names an observer for as long as it observes.
  package struct Observation: Hashable, Sendable {
    let number: UInt64
  }

  let configuration: Configuration
  let logger: Logger
  let clock: @Sendable () -> MonotonicTime
  private let membership = EndpointMembership()
  let state = Mutex(State())
  let published = Mutex(PoolSnapshot.empty)

  /// Makes an empty store.
  ///
  /// - Parameter clock: the present; the same clock as that of the times which are passed to `record`.
  package init(
    configuration: Configuration = Configuration(), logger: Logger,
    clock: @escaping @Sendable () -> MonotonicTime = { .now() }
  ) {
    self.configuration = configuration
    self.logger = logger
    self.clock = clock
  }

  package func currentSnapshot() -> PoolSnapshot { published.withLock { $0 } }

  /// Tells `observer` of the endpoints that are there, now, and of every change from here on, in order and one at a time. No
  /// lock is held meanwhile; another change of membership waits until all observers have been told.
  @discardableResult
  package func observe(_ observer: @escaping @Sendable (EndpointChange) -> Void) async -> Observation {
    await membership.observe(self, observer)
  }

  /// Tells an observer nothing more; none of its calls is under way when this returns.
  package func endObservation(_ observation: Observation) async { await membership.endObservation(observation) }

  /// Makes `wanted` the endpoints of a source; those of other sources stay.
  ///
  /// An endpoint whose name, namespace and address are the same keeps its slot, load and metrics. Returns what was left
  /// out: names that are taken, and endpoints past `EndpointSlot.capacity`.
  @discardableResult
  package func replaceEndpoints(_ wanted: [DiscoveredEndpoint], from source: Source) async -> [EndpointProblem] {
    await membership.replaceEndpoints(of: self, wanted, from: source)
  }

  // MARK: - For EndpointMembership

  /// The endpoints that have a slot.
  func present() -> [(endpoint: Endpoint, load: EndpointLoad)] {
    state.withLock { $0.tenants.compactMap { $0.map { ($0.endpoint, $0.load) } } }
  }

  func add(_ tenant: Tenant) {
    state.withLock { state in
      let index = tenant.endpoint.slot.index
      while state.tenants.count <= index { state.tenants.append(nil) }
      state.tenants[index] = tenant
    }
  }

  /// The endpoint as it is now; nil when nothing about it has changed.
  func update(_ slot: EndpointSlot, to endpoint: Endpoint) -> Endpoint? {
    state.withLock { state in
      guard state.tenants[slot.index]?.endpoint != endpoint else { return nil }
      state.tenants[slot.index]?.endpoint = endpoint
      state.tenants[slot.index]?.health.endpoint = endpoint
      return endpoint
    }
  }

  func remove(_ slots: some Sequence<EndpointSlot>) -> [Endpoint] {
    state.withLock { state in
      slots.compactMap { slot in
        guard let endpoint = state.tenants[slot.index]?.endpoint else { return nil }
        state.tenants[slot.index] = nil
        return endpoint
      }
    }
  }
}
