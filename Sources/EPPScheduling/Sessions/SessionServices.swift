package import EPPCore
package import EPPMetrics
import EPPPrefixCache
import Synchronization

/// What session plugins share beyond one configuration.
package struct SessionEnvironment: Sendable {
  /// The sessions; the same object for all configurations of a process, so that sessions outlive a reload.
  package var services: SessionServices
  /// The session ids that the configuration's data producers provide.
  package var attributes: SessionAttributes

  package init(services: SessionServices = SessionServices(), attributes: SessionAttributes = SessionAttributes()) {
    self.services = services
    self.attributes = attributes
  }

  /// Whether a plugin made with the other value would be equal to one made with this one.
  func makesTheSame(as other: SessionEnvironment) -> Bool {
    services === other.services && attributes == other.attributes
  }
}

/// The sessions of a process: one `SessionAffinity` for each configuration of sessions, for as long as a plugin uses it. Any thread
/// may use it.
package final class SessionServices: Sendable {
  private struct Held {
    weak var affinity: (any SessionAffinity)?
  }

  private struct State {
    var held: [SessionConfiguration: Held] = [:]
    var rings: [String: SessionKeyRing] = [:]
    /// Whether the page shows a number of sessions.
    var isShown = false
  }

  private let state = Mutex(State())
  private let warn: @Sendable (String) -> Void

  /// A process without sessions.
  ///
  /// - Parameter warn: writes a warning into the log; called on request threads, at most once a minute for each strategy.
  package init(warn: @escaping @Sendable (String) -> Void = { _ in }) { self.warn = warn }

  /// The object of a plugin with these arguments: that of another plugin with equal ones if there is one, in this or in an earlier
  /// configuration.
  func affinity(_ arguments: PluginArguments, _ environment: PluginEnvironment) -> any SessionAffinity {
    let configuration = SessionConfiguration(arguments, environment)
    return state.withLock { state in
      if let known = state.held[configuration]?.affinity { return known }
      let made = make(configuration, environment, &state)
      state.held = state.held.filter { $0.value.affinity != nil }
      state.held[configuration] = Held(affinity: made)
      return made
    }
  }

  private func make(
    _ configuration: SessionConfiguration, _ environment: PluginEnvironment, _ state: inout State
  ) -> any SessionAffinity {
    let metrics = environment.metrics
    let origin: SessionBindings.Origin
    switch configuration.strategy {
    case .ids(let sources): origin = .ids(sources)
    case .clientAddress(let hops):
      origin = .clientAddress(
        trustedHops: hops, AddressShare(gauge: metrics?.largestAddressShare(), warn: warn))
    case .cookie(let name): origin = .cookie(name, NewSessionIDs())
    case .encodedEndpoint(let header): return SessionTokens(.encoded, in: .header(header), metrics: metrics)
    case .signedToken(let place, let path):
      let ring = state.rings[path] ?? SessionKeyRing()
      state.rings[path] = ring
      return SessionTokens(.signed(ring, timeToLive: configuration.timeToLive), in: place, metrics: metrics)
    }
    return SessionBindings(
      origin, timeToLive: configuration.timeToLive,
      secret: TextDigest(first: environment.seed.first, second: environment.seed.second), metrics: metrics)
  }

  /// The key rings by the paths of their files, which somebody has to read.
  package var keyRings: [String: SessionKeyRing] { state.withLock { $0.rings } }

  /// Removes sessions that have ended, and sets `epp_sessions` of the pool's endpoints. To be called before a metrics page is written.
  package func refreshMetrics(_ metrics: PickerMetrics, _ snapshot: PoolSnapshot, now: MonotonicTime) {
    let bindings = state.withLock { state in
      let bindings = state.held.values.compactMap { $0.affinity as? SessionBindings }
      if !bindings.isEmpty { state.isShown = true }
      // A table that is gone leaves zeros.
      return state.isShown ? bindings : nil
    }
    guard let bindings else { return }
    var held: [EndpointSlot: Int] = [:]
    for binding in bindings {
      binding.table.sweep(now: now)
      held.merge(binding.table.sessionsBySlot) { $0 + $1 }
    }
    for member in snapshot.members {
      metrics.endpointSeries(for: member.endpoint).sessions.held.set(held[member.endpoint.slot] ?? 0)
    }
  }
}
