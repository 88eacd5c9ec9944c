package import EPPCore
package import Logging
import Synchronization

/// Keeps the endpoints and their metrics: discovery and scraping write to it, requests read its snapshots.
///
/// Any thread may call all methods. `currentSnapshot` holds a lock of its own only while it copies a reference. Changes of
/// membership are published at once, changes of metrics at most once per `publishInterval`, by `publishIfDue`, which the owner
/// calls again at the time that it returns.
package final class EndpointStore: PoolSnapshotSource {
  /// The age at which metrics are stale, and how often snapshots are made.
  package struct Configuration: Sendable {
    /// Age at which metrics count as stale.
    package var stalenessThreshold: Duration
    /// Shortest time between two snapshots while only metrics change.
    package var publishInterval: Duration
    /// The port of all metrics pages, in place of the one that discovery gives; nil for that one.
    package var metricsPort: UInt16?
    /// The labels with the endpoints' places.
    package var topology = EndpointTopology.Labels()
    /// Labels whose numbers become attributes.
    package var labelAttributes: [LabelAttribute] = []

    package init(stalenessThreshold: Duration, publishInterval: Duration = .milliseconds(5)) {
      self.stalenessThreshold = stalenessThreshold
      self.publishInterval = publishInterval
    }
  }

  /// A source of endpoints. A source can change only the endpoints that it has named.
  package enum Source: String, Sendable, Hashable {
    /// The flags `--endpoint`.
    case flags
    /// The endpoints file.
    case file
    /// Pods of a Kubernetes cluster.
    case kubernetes
  }

  /// All that the store keeps of one endpoint while it is in the pool.
  struct StoredEndpoint {
    /// The endpoint's current description.
    var endpoint: Endpoint { didSet { destination = endpoint.address.description } }
    /// Counters of the requests that this process has sent to the endpoint.
    let load: EndpointLoad
    /// The metrics of the newest page; unset before the first one.
    var metrics = EndpointMetrics()
    /// Names of the models that the engine serves; nil where they are not asked for, or not known yet.
    var models: [String]?
    /// Successes and failures of scraping.
    var health: EndpointHealth
    /// The text of the endpoint's address, which goes into every destination header; made once.
    private var destination: String

    init(endpoint: Endpoint, load: EndpointLoad) {
      self.endpoint = endpoint
      self.load = load
      health = EndpointHealth(endpoint: endpoint)
      destination = endpoint.address.description
    }

    /// A change of an endpoint's metrics between stale and fresh, for the log.
    struct Turn {
      /// The endpoint whose metrics have changed.
      var endpoint: Endpoint
      /// Whether the metrics are stale now.
      var isStale: Bool
      /// Whether the metrics were fresh before at any time.
      var hasBeenFresh: Bool
    }

    /// Returns the endpoint's member of a snapshot, the time at which its metrics turn stale, and a change of staleness since
    /// the last call, which `health` keeps. Mutates in place: a stored endpoint is large to copy.
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
        endpoint: endpoint, metrics: metrics, models: models, load: load, isStale: isStale,
        refusesConnections: health.refusesConnections, destination: destination)
      return (member, staleAt, turn)
    }
  }

  /// The mutable state of the store.
  struct State {
    /// Endpoints by slot index; nil where the slot is free.
    var stored: [StoredEndpoint?] = []
    /// Whether metrics or health have changed since the last snapshot.
    var isDirty = false
    /// When the last snapshot was made; nil before the first one.
    var publishedAt: MonotonicTime?
    /// The earliest time at which an endpoint of the last snapshot turns stale without new metrics.
    var staleAt: MonotonicTime?
  }

  /// Identifies an observer, for `endObservation`.
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
  /// - Parameter clock: Returns the current time, on the clock of the times that are passed to `record`.
  package init(
    configuration: Configuration, logger: Logger,
    clock: @escaping @Sendable () -> MonotonicTime = { .now() }
  ) {
    self.configuration = configuration
    self.logger = logger
    self.clock = clock
  }

  /// Returns the newest snapshot.
  package func currentSnapshot() -> PoolSnapshot { published.withLock { $0 } }

  /// Calls `observer` with `added` for each endpoint in the pool, before this function returns, and then with every change of
  /// membership, in order and one at a time. No lock is held meanwhile; the next change of membership waits for all observers.
  @discardableResult
  package func observe(_ observer: @escaping @Sendable (EndpointChange) -> Void) async -> Observation {
    await membership.observe(self, observer)
  }

  /// Ends an observation. The observer is not being called any more when this returns.
  package func endObservation(_ observation: Observation) async { await membership.endObservation(observation) }

  /// Replaces the endpoints of a source by `wanted`; endpoints of other sources stay.
  ///
  /// An endpoint whose name, namespace and address are unchanged keeps its slot, load and metrics.
  ///
  /// - Returns: One problem for each endpoint that was left out: its name is taken, or the pool has `EndpointSlot.capacity`
  ///   endpoints.
  @discardableResult
  package func replaceEndpoints(_ wanted: [DiscoveredEndpoint], from source: Source) async -> [EndpointProblem] {
    await membership.replaceEndpoints(of: self, wanted, from: source)
  }

  // MARK: - For EndpointMembership

  /// Returns an endpoint with a slot, as the configuration sees it.
  func endpoint(_ discovered: DiscoveredEndpoint, in slot: EndpointSlot) -> Endpoint {
    discovered.endpoint(in: slot, metricsPort: configuration.metricsPort, topology: configuration.topology)
  }

  private func labelAttributes(_ endpoint: Endpoint) -> EndpointAttributes {
    var attributes = EndpointAttributes()
    for attribute in configuration.labelAttributes { attributes[attribute.key] = attribute.value(endpoint.labels) }
    return attributes
  }

  /// Returns all endpoints of the pool.
  func present() -> [(endpoint: Endpoint, load: EndpointLoad)] {
    state.withLock { $0.stored.compactMap { $0.map { ($0.endpoint, $0.load) } } }
  }

  /// Puts an endpoint into its slot.
  func add(_ entry: StoredEndpoint) {
    state.withLock { state in
      let index = entry.endpoint.slot.index
      while state.stored.count <= index { state.stored.append(nil) }
      state.stored[index] = entry
      state.stored[index]?.metrics.attributes.merge(labelAttributes(entry.endpoint))
    }
  }

  /// Replaces the description of the endpoint in a slot. Returns the new description; nil when it is unchanged.
  func update(_ slot: EndpointSlot, to endpoint: Endpoint) -> Endpoint? {
    state.withLock { state in
      guard state.stored[slot.index]?.endpoint != endpoint else { return nil }
      state.stored[slot.index]?.endpoint = endpoint
      state.stored[slot.index]?.metrics.attributes.merge(labelAttributes(endpoint))
      state.stored[slot.index]?.health.endpoint = endpoint
      return endpoint
    }
  }

  /// Empties slots. Returns the endpoints that they held.
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
  /// Records the metrics of a scraped page for the next snapshot. Ignored when the slot holds another endpoint by now.
  ///
  /// - Parameters:
  ///   - startedAt: When the scrape was started.
  ///   - dispatched: Totals of the endpoint's load when the scrape was started.
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
      let missing = metrics.missing.subtracting(before).subtracting(page.unread)
      return (state.stored[slot.index]?.endpoint, wasUnreachable, missing)
    }
    guard let endpoint else { return }
    if isReachableAgain { logger.notice("endpoint is reachable again", metadata: Self.metadata(endpoint)) }
    if !missing.isEmpty {
      logger.warning(
        "the metrics page of the endpoint does not say its \(missing.names): taken to be the mean of the others and what was sent there",
        metadata: Self.metadata(endpoint))
    }
  }

  /// Records attributes of an endpoint that another page than its metrics page has. Ignored when the slot holds another endpoint
  /// by now.
  package func record(_ attributes: EndpointAttributes, for slot: EndpointSlot) {
    state.withLock { state in
      guard Self.holds(state, slot) else { return }
      state.stored[slot.index]?.metrics.attributes.merge(attributes)
      state.isDirty = true
    }
  }

  /// Records the models that an endpoint serves. Ignored when the slot holds another endpoint by now.
  package func record(models: [String], for slot: EndpointSlot) {
    state.withLock { state in
      guard Self.holds(state, slot), state.stored[slot.index]?.models != models else { return }
      state.stored[slot.index]?.models = models
      state.isDirty = true
    }
  }

  /// Records a failed scrape. The metrics stay and grow old; the next snapshot shows whether the endpoint refuses connections.
  /// Returns whether the endpoint counts as unreachable.
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
        logger.warning(
          "no engine serves at the endpoint; requests go to others while there are any", metadata: metadata)
      case .listens:
        logger.notice("the endpoint answers again, but its metrics cannot be read", metadata: metadata)
      }
    }
    return isUnreachable
  }

  /// Makes a snapshot if metrics have changed and the last snapshot is at least `publishInterval` old, or if an endpoint has
  /// turned stale.
  ///
  /// - Returns: The time at which to call again at the latest; nil when there is none.
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

  /// Makes a snapshot of the current state and publishes it. Returns the time at which its first endpoint turns stale.
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

/// A change of the pool's membership, for observers that keep tables by slot.
package enum EndpointChange: Sendable {
  /// A new endpoint has a slot. Observers are called before a snapshot shows it.
  case added(Endpoint, load: EndpointLoad)
  /// An endpoint has other labels, another metrics address or other event addresses.
  case updated(Endpoint)
  /// An endpoint has left the pool. Observers are called after a snapshot without it is published, and before its slot is
  /// reused.
  case removed(Endpoint)
}
