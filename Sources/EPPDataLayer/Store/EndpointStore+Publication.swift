package import EPPCore
import Logging
import Synchronization

extension EndpointStore {
  /// Takes a page that was read; the next publication shows it. Ignored when the slot has another tenant by now.
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
        state.tenants[slot.index]?.metrics ?? EndpointMetrics(), scrapedAt: startedAt, dispatched: dispatched)
      let before = state.tenants[slot.index]?.metrics.missing ?? []
      state.tenants[slot.index]?.metrics = metrics
      state.isDirty = true
      let wasUnreachable = state.tenants[slot.index]?.health.noteSuccess() ?? false
      return (state.tenants[slot.index]?.endpoint, wasUnreachable, metrics.missing.subtracting(before))
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
      let change = state.tenants[slot.index]?.health.noteFailure(error) ?? .none
      switch change {
      case .refuses, .listens: state.isDirty = true
      case .none, .unreachable: break
      }
      let tenant = state.tenants[slot.index]
      return (tenant?.health.isUnreachable ?? false, change, tenant?.endpoint)
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
    let (turned, staleAt): ([Tenant.Turn], MonotonicTime?) = state.withLock { state in
      var members: [PoolSnapshot.Member] = []
      members.reserveCapacity(state.tenants.count)
      var turned: [Tenant.Turn] = []
      state.staleAt = nil
      for index in state.tenants.indices {
        guard
          let (member, deadline, turn) = state.tenants[index]?.makeMember(
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

  private func log(_ turn: Tenant.Turn) {
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
    state.tenants.indices.contains(slot.index) && state.tenants[slot.index]?.endpoint.slot == slot
  }

  private static func metadata(_ endpoint: Endpoint) -> Logger.Metadata {
    ["endpoint": "\(endpoint.namespace)/\(endpoint.name)", "address": "\(endpoint.metricsAddress)"]
  }
}
