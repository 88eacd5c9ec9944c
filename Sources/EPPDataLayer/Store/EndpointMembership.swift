package import EPPCore

/// Changes the membership of a store, one change at a time. Keeps which source named which endpoints, and their slots.
///
/// An actor, because observers are called in the middle of a change: before a snapshot shows a new endpoint, and before a slot
/// is reused. Another change waits as a task, and no lock is held meanwhile.
actor EndpointMembership {
  /// Identifies an endpoint across reloads.
  private struct Identity: Hashable {
    var name: QualifiedName
    var address: EndpointAddress

    init(_ endpoint: DiscoveredEndpoint) {
      name = QualifiedName(endpoint)
      address = endpoint.address
    }
  }

  private struct QualifiedName: Hashable {
    var name: String
    var namespace: String

    init(_ endpoint: DiscoveredEndpoint) {
      name = endpoint.name
      namespace = endpoint.namespace
    }
  }

  private var slots = SlotTable()
  /// Slots of the endpoints that each source has named.
  private var bySource: [EndpointStore.Source: [Identity: EndpointSlot]] = [:]
  private var observers: [EndpointStore.Observation: @Sendable (EndpointChange) -> Void] = [:]
  private var observations: UInt64 = 0

  /// Implements `EndpointStore.observe`.
  func observe(
    _ store: EndpointStore, _ observer: @escaping @Sendable (EndpointChange) -> Void
  ) -> EndpointStore.Observation {
    observations += 1
    let observation = EndpointStore.Observation(number: observations)
    observers[observation] = observer
    for (endpoint, load) in store.present() { observer(.added(endpoint, load: load)) }
    return observation
  }

  /// Implements `EndpointStore.endObservation`.
  func endObservation(_ observation: EndpointStore.Observation) { observers[observation] = nil }

  /// Implements `EndpointStore.replaceEndpoints`.
  func replaceEndpoints(
    of store: EndpointStore, _ wanted: [DiscoveredEndpoint], from source: EndpointStore.Source
  ) -> [EndpointProblem] {
    var problems: [EndpointProblem] = []
    var names = takenNames(except: source)
    var leaving = bySource[source] ?? [:]
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
        if let changed = store.update(slot, to: store.endpoint(endpoint, in: slot)) { updated.append(changed) }
      } else {
        arriving.append(endpoint)
      }
    }
    guard !arriving.isEmpty || !leaving.isEmpty || !updated.isEmpty else { return problems }

    // Newcomers take free slots first: one snapshot shows them and leaves the others out, and the pool is never empty in
    // between. Only a full table makes newcomers wait for the slots of those who leave.
    arriving.reverse()
    admit(&arriving, &kept, to: store)
    let gone = store.remove(leaving.values)
    store.publishNow()
    for endpoint in updated { tell(.updated(endpoint)) }
    for endpoint in gone { tell(.removed(endpoint)) }
    for endpoint in gone { slots.release(endpoint.slot) }
    if !arriving.isEmpty {
      admit(&arriving, &kept, to: store)
      store.publishNow()
    }
    for endpoint in arriving.reversed() {
      problems.append(
        EndpointProblem("no room for endpoint '\(endpoint.name)': a pool holds \(EndpointSlot.capacity)"))
    }
    bySource[source] = kept
    return problems
  }

  /// Assigns slots to new endpoints from the end of `arriving` on, until no slot is free. Moves them from `arriving` to `kept`.
  private func admit(
    _ arriving: inout [DiscoveredEndpoint], _ kept: inout [Identity: EndpointSlot], to store: EndpointStore
  ) {
    while let next = arriving.last, let slot = slots.take() {
      arriving.removeLast()
      kept[Identity(next)] = slot
      let endpoint = store.endpoint(next, in: slot)
      let load = EndpointLoad()
      tell(.added(endpoint, load: load))
      store.add(EndpointStore.StoredEndpoint(endpoint: endpoint, load: load))
    }
  }

  private func tell(_ change: EndpointChange) {
    for observer in observers.values { observer(change) }
  }

  private func takenNames(except source: EndpointStore.Source) -> Set<QualifiedName> {
    var names: Set<QualifiedName> = []
    for (other, endpoints) in bySource where other != source {
      for identity in endpoints.keys { names.insert(identity.name) }
    }
    return names
  }
}

/// Assigns slots. The lowest free slot is assigned first, so that tables indexed by slot stay dense.
package struct SlotTable: Sendable {
  private var generations = [UInt32](repeating: 0, count: EndpointSlot.capacity)
  private var isTaken = [Bool](repeating: false, count: EndpointSlot.capacity)

  package init() {}

  /// Takes the lowest free slot, with a new generation; nil when all slots are taken.
  package mutating func take() -> EndpointSlot? {
    guard let index = isTaken.firstIndex(of: false) else { return nil }
    isTaken[index] = true
    generations[index] &+= 1
    return EndpointSlot(index: index, generation: generations[index])
  }

  /// Frees a slot. A slot of an earlier generation is ignored.
  package mutating func release(_ slot: EndpointSlot) {
    guard isTaken.indices.contains(slot.index), generations[slot.index] == slot.generation else { return }
    isTaken[slot.index] = false
  }
}
