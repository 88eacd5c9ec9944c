package import EPPCore

/// Which party has named which endpoints, and which slots they have: changes of a store's membership, one at a time.
///
/// An actor, for a change tells observers in its middle, before a snapshot shows a newcomer and before a slot is given away:
/// another change waits for that as a task, and no thread waits for it in a lock.
actor EndpointMembership {
  /// What makes an endpoint the same one across reloads.
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
  private var bySource: [EndpointStore.Source: [Identity: EndpointSlot]] = [:]
  private var observers: [EndpointStore.Observation: @Sendable (EndpointChange) -> Void] = [:]
  private var observations: UInt64 = 0

  func observe(
    _ store: EndpointStore, _ observer: @escaping @Sendable (EndpointChange) -> Void
  ) -> EndpointStore.Observation {
    observations += 1
    let observation = EndpointStore.Observation(number: observations)
    observers[observation] = observer
    for (endpoint, load) in store.present() { observer(.added(endpoint, load: load)) }
    return observation
  }

  func endObservation(_ observation: EndpointStore.Observation) { observers[observation] = nil }

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
        if let changed = store.update(slot, to: endpoint.endpoint(in: slot)) { updated.append(changed) }
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

  /// Gives slots to newcomers, the last of the list first, while there are any.
  private func admit(
    _ arriving: inout [DiscoveredEndpoint], _ kept: inout [Identity: EndpointSlot], to store: EndpointStore
  ) {
    while let next = arriving.last, let slot = slots.take() {
      arriving.removeLast()
      kept[Identity(next)] = slot
      let endpoint = next.endpoint(in: slot)
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

/// Gives out slots and takes them back. The lowest free one is given first, so that tables by slot stay dense.
package struct SlotTable: Sendable {
  private var generations = [UInt32](repeating: 0, count: EndpointSlot.capacity)
  private var isTaken = [Bool](repeating: false, count: EndpointSlot.capacity)

  package init() {}

  /// A free slot with a generation of its own; nil when all are taken.
  package mutating func take() -> EndpointSlot? {
    guard let index = isTaken.firstIndex(of: false) else { return nil }
    isTaken[index] = true
    generations[index] &+= 1
    return EndpointSlot(index: index, generation: generations[index])
  }

  /// Gives a slot back; one of an earlier generation is ignored.
  package mutating func release(_ slot: EndpointSlot) {
    guard isTaken.indices.contains(slot.index), generations[slot.index] == slot.generation else { return }
    isTaken[slot.index] = false
  }
}
