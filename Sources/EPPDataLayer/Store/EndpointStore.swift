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

    package init(stalenessThreshold: Duration, publishInterval: Duration = .milliseconds(5)) {
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

  struct StoredEndpoint {
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

    /// The snapshot's view, and when it turns stale. Works in place: it is large to copy.
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
    var stored: [StoredEndpoint?] = []
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
  private let logger: Logger
  private let clock: @Sendable () -> MonotonicTime
  private let membership = EndpointMembership()
  let state = Mutex(State())
  private let published = Mutex(PoolSnapshot.empty)

  /// Makes an empty store.
  ///
  /// - Parameter clock: the present; the same clock as that of the times which are passed to `record`.
  package init(
    configuration: Configuration, logger: Logger,
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
    state.withLock { $0.stored.compactMap { $0.map { ($0.endpoint, $0.load) } } }
  }

  func add(_ entry: StoredEndpoint) {
    state.withLock { state in
      let index = entry.endpoint.slot.index
      while state.stored.count <= index { state.stored.append(nil) }
      state.stored[index] = entry
    }
  }

  /// The endpoint as it is now; nil when nothing about it has changed.
  func update(_ slot: EndpointSlot, to endpoint: Endpoint) -> Endpoint? {
    state.withLock { state in
      guard state.stored[slot.index]?.endpoint != endpoint else { return nil }
      state.stored[slot.index]?.endpoint = endpoint
      state.stored[slot.index]?.health.endpoint = endpoint
      return endpoint
    }
  }

  func remove(_ slots: some Sequence<EndpointSlot>) -> [Endpoint] {
    state.withLock { state in
      slots.compactMap { slot in
        guard let endpoint = state.stored[slot.index]?.endpoint else { return nil }
        state.stored[slot.index] = nil
        return endpoint
      }
    }
  }
}

extension EndpointStore {
  /// Takes a page that was read; the next publication shows it. Ignored when the slot holds another endpoint by now.
  ///
  /// - Parameters:
  ///   - startedAt: when the scrape was started.
  ///   - dispatched: the totals of the endpoint's load at that time.
  package func record(
    _ page: EnginePage, for slot: EndpointSlot, startedAt: MonotonicTime, dispatched: EndpointLoad.Totals
  ) {
    let (endpoint, isReachableAgain, missing): (Endpoint?, Bool, EndpointMetrics.LoadFamilies) = state.withLock {
      state in
      guard Self.holds(state, slot) else { return (nil, false, []) }
      let metrics = page.updating(
        state.stored[slot.index]?.metrics ?? EndpointMetrics(), scrapedAt: startedAt, dispatched: dispatched)
      let before = state.stored[slot.index]?.metrics.missing ?? []
      state.stored[slot.index]?.metrics = metrics
      state.isDirty = true
      let wasUnreachable = state.stored[slot.index]?.health.noteSuccess() ?? false
      return (state.stored[slot.index]?.endpoint, wasUnreachable, metrics.missing.subtracting(before))
    }
    guard let endpoint else { return }
    if isReachableAgain { logger.notice("endpoint is reachable again", metadata: Self.metadata(endpoint)) }
    if !missing.isEmpty {
      logger.warning(
        "the metrics page of the endpoint does not say its \(missing.names): taken to be the mean of the others and what was sent there",
        metadata: Self.metadata(endpoint))
    }
  }

  /// Takes note of a failed scrape. The metrics stay and grow stale; whether the endpoint refuses connections is shown
  /// by the next publication. Returns whether the endpoint counts as unreachable.
  @discardableResult
  package func recordFailure(_ error: ScrapeError, for slot: EndpointSlot) -> Bool {
    let (isUnreachable, change, endpoint): (Bool, EndpointHealth.Change, Endpoint?) = state.withLock { state in
      guard Self.holds(state, slot) else { return (false, .none, nil) }
      let change = state.stored[slot.index]?.health.noteFailure(error) ?? .none
      switch change {
      case .refuses, .listens: state.isDirty = true
      case .none, .unreachable: break
      }
      let entry = state.stored[slot.index]
      return (entry?.health.isUnreachable ?? false, change, entry?.endpoint)
    }
    if let endpoint {
      var metadata = Self.metadata(endpoint)
      metadata["error"] = "\(error)"
      switch change {
      case .none: break
      case .unreachable:
        logger.warning("endpoint is unreachable for scrapes; they go on, at longer intervals", metadata: metadata)
      case .refuses:
        logger.warning("endpoint refuses connections; requests go to others while there are any", metadata: metadata)
      case .listens:
        logger.notice("endpoint takes connections again, but its metrics cannot be read", metadata: metadata)
      }
    }
    return isUnreachable
  }

  /// Publishes what has changed, if the last snapshot is old enough, and endpoints that have turned stale.
  ///
  /// - Returns: when to call again at the latest; nil when nothing is to come.
  @discardableResult
  package func publishIfDue() -> MonotonicTime? {
    let now = clock()
    let (isDue, next): (Bool, MonotonicTime?) = state.withLock { state in
      if let staleAt = state.staleAt, now >= staleAt { return (true, nil) }
      guard state.isDirty else { return (false, state.staleAt) }
      guard let publishedAt = state.publishedAt else { return (true, nil) }
      let earliest = publishedAt.advanced(by: configuration.publishInterval)
      return now >= earliest ? (true, nil) : (false, earliest)
    }
    guard isDue else { return next }
    return publishNow()
  }

  /// Makes a snapshot of the present state and puts it in the place of the last one.
  @discardableResult
  func publishNow() -> MonotonicTime? {
    let now = clock()
    let (turned, staleAt): ([StoredEndpoint.Turn], MonotonicTime?) = state.withLock { state in
      var members: [PoolSnapshot.Member] = []
      members.reserveCapacity(state.stored.count)
      var turned: [StoredEndpoint.Turn] = []
      state.staleAt = nil
      for index in state.stored.indices {
        guard
          let (member, deadline, turn) = state.stored[index]?.makeMember(
            now, threshold: configuration.stalenessThreshold)
        else { continue }
        members.append(member)
        if let deadline, !member.isStale { state.staleAt = min(state.staleAt ?? deadline, deadline) }
        if let turn { turned.append(turn) }
      }
      state.isDirty = false
      state.publishedAt = now
      // Inside the lock of the state, so that two writers cannot put the older snapshot in the place of the newer one.
      published.withLock { $0 = PoolSnapshot(members: members, replacing: $0) }
      return (turned, state.staleAt)
    }
    for turn in turned { log(turn) }
    return staleAt
  }

  private func log(_ turn: StoredEndpoint.Turn) {
    let metadata = Self.metadata(turn.endpoint)
    if turn.isStale {
      logger.warning(
        "metrics of endpoint are stale; its load is taken to be the mean of the others", metadata: metadata)
    } else if turn.hasBeenFresh {
      logger.notice("metrics of endpoint are fresh again", metadata: metadata)
    } else {
      logger.info("first metrics of endpoint", metadata: metadata)
    }
  }

  private static func holds(_ state: borrowing State, _ slot: EndpointSlot) -> Bool {
    state.stored.indices.contains(slot.index) && state.stored[slot.index]?.endpoint.slot == slot
  }

  private static func metadata(_ endpoint: Endpoint) -> Logger.Metadata {
    ["endpoint": "\(endpoint.namespace)/\(endpoint.name)", "address": "\(endpoint.metricsAddress)"]
  }
}

/// A change of the pool's membership, told to whoever keeps tables by slot.
package enum EndpointChange: Sendable {
  /// A new endpoint has taken its slot. Told before a snapshot shows it.
  case added(Endpoint, load: EndpointLoad)
  /// The same endpoint with other labels, metrics address or event addresses.
  case updated(Endpoint)
  /// The endpoint has gone. Told after a snapshot without it is out, and before its slot is given to another.
  case removed(Endpoint)
}
