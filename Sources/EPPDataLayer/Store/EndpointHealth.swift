import EPPCore

/// How scraping one endpoint goes, for the log and for whether requests may go there.
struct EndpointHealth: Sendable {
  /// As discovery names it now.
  var endpoint: Endpoint {
    didSet {
      // Attempts at another address say nothing of this one.
      if endpoint.metricsAddress != oldValue.metricsAddress { refusesConnections = false }
    }
  }
  /// Finished attempts, good and bad.
  var scrapes: UInt64 = 0
  /// Those of them that failed.
  var errors: UInt64 = 0
  /// Since the last good one.
  var failuresInRow = 0
  /// Whether the failures in a row are enough to call the endpoint unreachable.
  var isUnreachable = false
  /// Whether nobody listens where the endpoint serves, by the newest attempts.
  private(set) var refusesConnections = false
  /// As the current snapshot shows it.
  var isStale = true

  /// So many failures in a row make an endpoint unreachable: one lost scrape in a busy second is no news.
  static let failuresToUnreachable = 3

  /// Whether metrics were ever fresh.
  var hasBeenFresh = false

  init(endpoint: Endpoint) { self.endpoint = endpoint }

  /// What a failed scrape changes.
  enum Change {
    case none
    /// So many failed in a row that the endpoint counts as unreachable.
    case unreachable
    /// Nobody listens any more.
    case refuses
    /// Somebody listens again.
    case listens
  }

  /// A scrape worked. Returns whether the endpoint was unreachable, or refused connections, until now.
  mutating func noteSuccess() -> Bool {
    scrapes += 1
    failuresInRow = 0
    defer {
      isUnreachable = false
      refusesConnections = false
    }
    return isUnreachable || refusesConnections
  }

  /// A scrape failed.
  ///
  /// One refused connection is enough: a full backlog drops connections, but only a port without a listener refuses
  /// them. It says so of the engine where the page is served at the address that requests go to. An attempt that brings
  /// no answer at all says nothing new.
  mutating func noteFailure(_ error: ScrapeError) -> Change {
    scrapes += 1
    errors += 1
    failuresInRow += 1
    let refused = refusesConnections
    switch error {
    case .connectionRefused: refusesConnections = endpoint.metricsAddress == endpoint.address
    case .timedOut, .connectFailed: break
    case .closed, .status, .response, .noEngineMetrics: refusesConnections = false
    }
    let wasUnreachable = isUnreachable
    isUnreachable = wasUnreachable || failuresInRow >= Self.failuresToUnreachable
    if refusesConnections != refused { return refusesConnections ? .refuses : .listens }
    return isUnreachable && !wasUnreachable && !refusesConnections ? .unreachable : .none
  }
}
