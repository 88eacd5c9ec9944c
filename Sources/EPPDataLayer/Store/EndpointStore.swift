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

  private struct Membership {
    var slots = SlotTable()
    var bySource: [Source: [Identity: EndpointSlot]] = [:]
    var observers: [Observation: @Sendable (EndpointChange) -> Void] = [:]
    var observations: UInt64 = 0

    func tell(_ change: EndpointChange) {
      for observer in observers.values { observer(change) }
    }
  }

  /// Names an observer for as long as it observes.
  package struct Observation: Hashable, Sendable {
    fileprivate var number: UInt64
  }

  /// What makes an endpoint the same one across reloads.
  private struct Identity: Hashable {
    var name: String
    var namespace: String
    var address: EndpointAddress

    init(_ endpoint: DiscoveredEndpoint) {
      name = endpoint.name
      namespace = endpoint.namespace
      address = endpoint.address
    }
  }

  let configuration: Configuration
  let logger: Logger
  let clock: @Sendable () -> MonotonicTime
  /// Held through a whole change of membership, callbacks included: taken before `state`, never inside it.
  private let membership = Mutex(Membership())
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

  /// Tells `observer` of the endpoints that are there, now, and of every change from here on, in order and one at a
  /// time, on the thread that makes the change. The observer must not change the store's membership itself.
  @discardableResult
  package func observe(_ observer: @escaping @Sendable (EndpointChange) -> Void) -> Observation {
    membership.withLock { membership in
      membership.observations += 1
      let observation = Observation(number: membership.observations)
      membership.observers[observation] = observer
      let present = state.withLock { $0.tenants.compactMap { $0.map { ($0.endpoint, $0.load) } } }
      for (endpoint, load) in present { observer(.added(endpoint, load: load)) }
      return observation
    }
  }

  /// Tells an observer nothing more; none of its calls is under way when this returns.
  package func endObservation(_ observation: Observation) {
    membership.withLock { _ = $0.observers.removeValue(forKey: observation) }
  }

  /// Makes `wanted` the endpoints of a source; those of other sources stay.
  ///
  /// An endpoint whose name, namespace and address are the same keeps its slot, load and metrics. Returns what was left
  /// out: names that are taken, and endpoints past `EndpointSlot.capacity`.
  @discardableResult
  package func replaceEndpoints(_ wanted: [DiscoveredEndpoint], from source: Source) -> [EndpointProblem] {
    membership.withLock { membership in
      var problems: [EndpointProblem] = []
      var names = takenNames(membership, except: source)
      var leaving = membership.bySource[source] ?? [:]
      var kept: [Identity: EndpointSlot] = [:]
      var arriving: [DiscoveredEndpoint] = []
      var updated: [Endpoint] = []
      for endpoint in wanted {
        guard names.insert(QualifiedName(endpoint)).inserted else {
          problems.append(
            EndpointProblem(
              "the name '\(endpoint.name)' is used twice in namespace '\(endpoint.namespace)'; the first one counts"))
          continue
        }
        let identity = Identity(endpoint)
        if let slot = leaving.removeValue(forKey: identity) {
          kept[identity] = slot
          if let changed = update(slot, to: endpoint.endpoint(in: slot)) { updated.append(changed) }
        } else {
          arriving.append(endpoint)
        }
      }
      guard !arriving.isEmpty || !leaving.isEmpty || !updated.isEmpty else { return problems }

      // Newcomers take free slots first: one snapshot shows them and leaves the others out, and the pool is never empty
      // in between. Only a full table makes newcomers wait for the slots of those who leave.
      func admit() {
        while let next = arriving.last, let slot = membership.slots.take() {
          arriving.removeLast()
          kept[Identity(next)] = slot
          let endpoint = next.endpoint(in: slot)
          let load = EndpointLoad()
          membership.tell(.added(endpoint, load: load))
          add(Tenant(endpoint: endpoint, load: load))
        }
      }
      arriving.reverse()
      admit()
      let gone = remove(leaving.values)
      publishNow()
      for endpoint in updated { membership.tell(.updated(endpoint)) }
      for endpoint in gone { membership.tell(.removed(endpoint)) }
      for endpoint in gone { membership.slots.release(endpoint.slot) }
      if !arriving.isEmpty {
        admit()
        publishNow()
      }
      for endpoint in arriving.reversed() {
        problems.append(
          EndpointProblem("no room for endpoint '\(endpoint.name)': a pool holds \(EndpointSlot.capacity)"))
      }
      membership.bySource[source] = kept
      return problems
    }
  }

  private struct QualifiedName: Hashable {
    var name: String
    var namespace: String

    init(_ endpoint: DiscoveredEndpoint) {
      name = endpoint.name
      namespace = endpoint.namespace
    }

    init(name: String, namespace: String) {
      self.name = name
      self.namespace = namespace
    }
  }

  private func takenNames(_ membership: borrowing Membership, except source: Source) -> Set<QualifiedName> {
    var names: Set<QualifiedName> = []
    for (other, endpoints) in membership.bySource where other != source {
      for identity in endpoints.keys { names.insert(QualifiedName(name: identity.name, namespace: identity.namespace)) }
    }
    return names
  }

  private func add(_ tenant: Tenant) {
    state.withLock { state in
      let index = tenant.endpoint.slot.index
      while state.tenants.count <= index { state.tenants.append(nil) }
      state.tenants[index] = tenant
    }
  }

  /// The endpoint as it is now; nil when nothing about it has changed.
  private func update(_ slot: EndpointSlot, to endpoint: Endpoint) -> Endpoint? {
    state.withLock { state in
      guard state.tenants[slot.index]?.endpoint != endpoint else { return nil }
      state.tenants[slot.index]?.endpoint = endpoint
      state.tenants[slot.index]?.health.endpoint = endpoint
      return endpoint
    }
  }

  private func remove(_ slots: some Sequence<EndpointSlot>) -> [Endpoint] {
    state.withLock { state in
      slots.compactMap { slot in
        guard let endpoint = state.tenants[slot.index]?.endpoint else { return nil }
        state.tenants[slot.index] = nil
        return endpoint
      }
    }
  }
}
