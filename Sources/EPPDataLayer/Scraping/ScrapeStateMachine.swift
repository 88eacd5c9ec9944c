package import EPPCore

/// Decides when to scrape one endpoint, when to connect, and how long to pause after failures.
///
/// A value without I/O: the owner reports events and performs the returned actions. There is one connection and at most one
/// scrape in flight. The endpoints of a pool are divided into `groups` that are scraped at different times within the interval:
/// not all at once, to spread the load, and in few groups, so that a thread that wakes up serves several endpoints (100
/// endpoints of 57 KB at 50 ms: 0.23 core with a time for each endpoint, 0.11 in four groups, 0.10 in two). Each failure in a
/// row doubles the pause, up to `longestPause`.
package struct ScrapeStateMachine: Sendable {
  /// Times of scraping.
  package struct Configuration: Sendable {
    /// Time from one scrape to the next; llm-d's `--refresh-metrics-interval`.
    package var interval: Duration
    /// Longest time for connecting, and longest time for the response.
    package var timeout: Duration
    /// Longest pause between scrapes of an endpoint that does not answer.
    package var longestPause: Duration

    /// Makes a configuration. An interval below a millisecond is raised to a millisecond.
    package init(
      interval: Duration, timeout: Duration = .seconds(1), longestPause: Duration = .seconds(5)
    ) {
      self.interval = max(interval, .milliseconds(1))
      self.timeout = timeout
      self.longestPause = longestPause
    }
  }

  /// Groups of endpoints that are scraped at different times within an interval.
  package static let groups = 2

  /// The action after `tick`.
  package enum TickAction: Equatable, Sendable {
    case none
    case connect
    /// Send the request on the open connection.
    case send
    /// Close the connection or abandon the attempt to connect, and report a time-out.
    case timeOut
  }

  /// The action after `connected`.
  package enum ConnectedAction: Equatable, Sendable {
    /// Send the request on the new connection.
    case send
    /// Close the connection: it came too late.
    case close
  }

  /// The action after `closed`.
  package enum ClosedAction: Equatable, Sendable {
    /// Nothing to do: no request was in flight.
    case none
    /// Connect and send the request again: the server closed an idle connection while the request was being sent.
    case connect
    /// Report a failed scrape.
    case fail
  }

  private enum Connection {
    case none
    case connecting(since: MonotonicTime)
    case idle
    case waiting(since: MonotonicTime, isFirstOnConnection: Bool, hasBytes: Bool)
    case stopped
  }

  private let configuration: Configuration
  /// The endpoint's place in the interval, 0..<1: selects its group and shortens its pauses.
  private let phase: Double
  private var connection = Connection.none
  private var gridPoint: MonotonicTime
  private var pausedUntil: MonotonicTime?
  /// The pauses after failures: from one interval up to `longestPause`. Up to a quarter of a pause is cut off by the phase, so
  /// that endpoints which failed at the same time are not all retried at the same time.
  private var backoff: Backoff
  private var hasTicked = false

  /// Makes a machine whose first tick is due at `start`.
  ///
  /// - Parameter phase: The endpoint's place in the interval, 0..<1: selects its group and shortens its pauses. Clamped.
  package init(configuration: Configuration, phase: Double, start: MonotonicTime) {
    self.configuration = configuration
    self.phase = min(max(phase, 0), 0.999)
    backoff = Backoff(
      initial: configuration.interval, ceiling: configuration.longestPause, jitter: 0.25, place: self.phase)
    self.gridPoint = start
  }

  /// The time at which `tick` is to be called next; nil after `stop`.
  package var nextTick: MonotonicTime? {
    switch connection {
    case .stopped: nil
    case .none, .idle: max(gridPoint, pausedUntil ?? gridPoint)
    case .connecting(let since), .waiting(let since, _, _): min(gridPoint, since.advanced(by: configuration.timeout))
    }
  }

  /// Whether a request was sent whose response is incomplete.
  package var isWaiting: Bool {
    if case .waiting = connection { true } else { false }
  }

  /// Returns what is due at a time. It may be called at any time.
  package mutating func tick(_ now: MonotonicTime) -> TickAction {
    let isDue = now >= gridPoint
    if isDue { advanceGrid(now) }
    switch connection {
    case .stopped:
      return .none
    case .connecting(let since), .waiting(let since, _, _):
      guard now >= since.advanced(by: configuration.timeout) else { return .none }
      connection = .none
      noteFailure(now)
      return .timeOut
    case .none, .idle:
      if let pausedUntil {
        guard now >= pausedUntil else { return .none }
      } else if !isDue {
        return .none
      }
      pausedUntil = nil
      if case .idle = connection {
        connection = .waiting(since: now, isFirstOnConnection: false, hasBytes: false)
        return .send
      }
      connection = .connecting(since: now)
      return .connect
    }
  }

  /// Handles an established connection.
  package mutating func connected(_ now: MonotonicTime) -> ConnectedAction {
    guard case .connecting = connection else { return .close }
    connection = .waiting(since: now, isFirstOnConnection: true, hasBytes: false)
    return .send
  }

  /// Handles a failed attempt to connect. Returns whether it is to be reported: false after a time-out or `stop`.
  package mutating func connectFailed(_ now: MonotonicTime) -> Bool {
    guard case .connecting = connection else { return false }
    connection = .none
    noteFailure(now)
    return true
  }

  /// Handles received bytes. False when no response is expected, so that the connection has to be closed.
  package mutating func received() -> Bool {
    guard case .waiting(let since, let isFirst, let hasBytes) = connection else { return false }
    if !hasBytes { connection = .waiting(since: since, isFirstOnConnection: isFirst, hasBytes: true) }
    return true
  }

  /// Handles a complete response. Returns whether the connection is to be closed.
  ///
  /// - Parameters:
  ///   - isGood: Whether the response has an engine's metrics.
  ///   - isReusable: Whether the connection can carry another response.
  package mutating func answered(_ now: MonotonicTime, isGood: Bool, isReusable: Bool) -> Bool {
    guard case .waiting = connection else { return true }
    connection = isReusable ? .idle : .none
    if isGood {
      backoff.reset()
      pausedUntil = nil
    } else {
      noteFailure(now)
    }
    return !isReusable
  }

  /// Handles a response that cannot be read. The owner closes the connection.
  package mutating func failed(_ now: MonotonicTime) {
    guard case .waiting = connection else { return }
    connection = .none
    noteFailure(now)
  }

  /// Handles a connection that the peer closed or that broke.
  package mutating func closed(_ now: MonotonicTime) -> ClosedAction {
    switch connection {
    case .stopped, .none, .connecting:
      return .none
    case .idle:
      connection = .none
      return .none
    case .waiting(_, isFirstOnConnection: false, hasBytes: false):
      connection = .connecting(since: now)
      return .connect
    case .waiting:
      connection = .none
      noteFailure(now)
      return .fail
    }
  }

  /// Ends scraping: no action follows.
  package mutating func stop() { connection = .stopped }

  /// Sets `gridPoint` to the next scrape of the endpoint's group. The times of a group are multiples of the interval on the
  /// clock plus an offset, so that endpoints which join later share them. The second scrape is at least half an interval after
  /// the first, which takes place at the start.
  private mutating func advanceGrid(_ now: MonotonicTime) {
    let interval = UInt64(clamping: configuration.interval.wholeNanoseconds)
    let turn = interval / UInt64(Self.groups) * UInt64(phase * Double(Self.groups))
    let earliest = hasTicked ? now.nanoseconds &+ 1 : now.nanoseconds &+ interval / 2
    hasTicked = true
    let intervals = (max(earliest, turn) - turn + interval - 1) / interval
    gridPoint = MonotonicTime(nanoseconds: intervals * interval + turn)
  }

  private mutating func noteFailure(_ now: MonotonicTime) { pausedUntil = now.advanced(by: backoff.fail()) }
}
