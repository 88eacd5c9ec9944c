import EPPCore

/// Successes and failures of scraping one endpoint, for the log and for whether the endpoint may get requests.
struct EndpointHealth: Sendable {
  /// The endpoint with its current description.
  var endpoint: Endpoint {
    didSet {
      // Scrapes of another address say nothing about the new one.
      if endpoint.metricsAddress != oldValue.metricsAddress { refusesConnections = false }
    }
  }
  /// Scrapes that have ended, successful or not.
  var scrapes: UInt64 = 0
  /// Failed scrapes.
  var errors: UInt64 = 0
  /// Failed scrapes since the last successful one.
  var failuresInRow = 0
  /// Whether `failuresToUnreachable` scrapes in a row have failed, and none has succeeded since.
  var isUnreachable = false
  /// Whether no engine serves at the endpoint's address, by the newest scrape that tells: nobody listens there, or a proxy before the
  /// engine says that it cannot reach it.
  private(set) var refusesConnections = false
  /// Whether the current snapshot shows the endpoint's metrics as stale.
  var isStale = true

  /// Failures in a row that make an endpoint unreachable; a single lost scrape under load does not.
  static let failuresToUnreachable = 3

  /// Whether a snapshot has ever shown fresh metrics of the endpoint.
  var hasBeenFresh = false

  init(endpoint: Endpoint) { self.endpoint = endpoint }

  /// The change that a failed scrape makes.
  enum Change {
    case none
    /// The endpoint has become unreachable.
    case unreachable
    /// The endpoint refuses connections now.
    case refuses
    /// The endpoint does not refuse connections any more.
    case listens
  }

  /// Records a successful scrape. Returns whether the endpoint was unreachable or refused connections before.
  mutating func noteSuccess() -> Bool {
    scrapes += 1
    failuresInRow = 0
    defer {
      isUnreachable = false
      refusesConnections = false
    }
    return isUnreachable || refusesConnections
  }

  /// Records a failed scrape.
  ///
  /// One refused connection sets `refusesConnections`: a full backlog drops connections, and only a port without a listener
  /// refuses them. So does one answer with 502 or 503, which sidecars give for an engine that does not listen, and engines do not give
  /// for their metrics. It counts only where the metrics page has the address that requests go to. A scrape without any response
  /// leaves `refusesConnections` unchanged.
  mutating func noteFailure(_ error: ScrapeError) -> Change {
    scrapes += 1
    errors += 1
    failuresInRow += 1
    let refused = refusesConnections
    switch error {
    case .connectionRefused, .status(502), .status(503):
      refusesConnections = endpoint.metricsAddress == endpoint.address
    case .timedOut, .connectFailed: break
    case .closed, .secureConnectionFailed, .status, .response, .noEngineMetrics, .noModels: refusesConnections = false
    }
    let wasUnreachable = isUnreachable
    isUnreachable = wasUnreachable || failuresInRow >= Self.failuresToUnreachable
    if refusesConnections != refused { return refusesConnections ? .refuses : .listens }
    return isUnreachable && !wasUnreachable && !refusesConnections ? .unreachable : .none
  }
}
