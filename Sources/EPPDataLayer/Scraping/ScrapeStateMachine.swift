package import EPPCore

/// When to scrape one endpoint, over which connection, and what to do when it does not work.
///
/// A value without I/O: the owner tells it what happened and performs what it returns. There is one connection and at
/// most one scrape in flight. The endpoints of a pool scrape in `groups` that take turns within the interval: spread,
/// so that they do not all tick in step, and in few groups, so that one waking of the thread serves several of them
/// (100 endpoints of 57 KB at 50 ms: 0.23 core with each on its own, 0.11 in four groups, 0.10 in two). Failures in a
/// row double the pause up to `longestPause`.
package struct ScrapeStateMachine: Sendable {
  /// Times; an interval below a millisecond counts as one.
  package struct Configuration: Sendable {
    /// From one scrape to the next; llm-d's `--refresh-metrics-interval`.
    package var interval: Duration
    /// For connecting and for the answer, each.
    package var timeout: Duration
    /// Longest pause between attempts at an endpoint that does not answer.
    package var longestPause: Duration

    package init(
      interval: Duration, timeout: Duration = .seconds(1), longestPause: Duration = .seconds(5)
    ) {
      self.interval = max(interval, .milliseconds(1))
      self.timeout = timeout
      self.longestPause = longestPause
    }
  }

  /// Turns within one interval.
  package static let groups = 2

  /// What to do when time has passed.
  package enum TickAction: Equatable, Sendable {
    case none
    case connect
    /// Send the request on the open connection.
    case send
    /// Drop the connection or the attempt to make one, and report a time-out.
    case timeOut
  }

  /// What to do with a connection that stands.
  package enum ConnectedAction: Equatable, Sendable {
    case send
    /// The connection came too late: close it.
    case close
  }

  /// What to do when a connection has gone.
  package enum ClosedAction: Equatable, Sendable {
    /// Nothing was lost.
    case none
    /// The server gave up an idle connection just as the request went out: make a new one and ask again.
    case connect
    /// A scrape was lost: report it.
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
  /// 0..<1, the endpoint's own.
  private let phase: Double
  private var connection = Connection.none
  private var gridPoint: MonotonicTime
  private var pausedUntil: MonotonicTime?
  /// The pauses: from one interval up to the longest one; the last quarter depends on the phase, so that endpoints which died
  /// together do not come back together.
  private var backoff: Backoff
  private var hasTicked = false

  /// Makes a machine that wants its first tick at `start`.
  ///
  /// - Parameter phase: 0..<1: which of the groups the endpoint belongs to, and how much of its pauses is cut off.
  package init(configuration: Configuration, phase: Double, start: MonotonicTime) {
    self.configuration = configuration
    self.phase = min(max(phase, 0), 0.999)
    backoff = Backoff(
      initial: configuration.interval, ceiling: configuration.longestPause, jitter: 0.25, place: self.phase)
    self.gridPoint = start
  }

  /// When `tick` is to be called next; nil after `stop`.
  package var nextTick: MonotonicTime? {
    switch connection {
    case .stopped: nil
    case .none, .idle: max(gridPoint, pausedUntil ?? gridPoint)
    case .connecting(let since), .waiting(let since, _, _): min(gridPoint, since.advanced(by: configuration.timeout))
    }
  }

  /// Whether a request is out whose answer has not come.
  package var isWaiting: Bool {
    if case .waiting = connection { true } else { false }
  }

  /// Time has passed. Calling too early or too late does no harm.
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

  /// The connection stands.
  package mutating func connected(_ now: MonotonicTime) -> ConnectedAction {
    guard case .connecting = connection else { return .close }
    connection = .waiting(since: now, isFirstOnConnection: true, hasBytes: false)
    return .send
  }

  /// The connection could not be made. False when nobody waits for it any more.
  package mutating func connectFailed(_ now: MonotonicTime) -> Bool {
    guard case .connecting = connection else { return false }
    connection = .none
    noteFailure(now)
    return true
  }

  /// Bytes came. False when no answer is awaited: the peer talks out of turn and the connection is to be closed.
  package mutating func received() -> Bool {
    guard case .waiting(let since, let isFirst, let hasBytes) = connection else { return false }
    if !hasBytes { connection = .waiting(since: since, isFirstOnConnection: isFirst, hasBytes: true) }
    return true
  }

  /// A whole answer came; `isGood` when it brought metrics. Returns whether the connection is to be closed.
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

  /// The answer cannot be read: the connection is lost with it.
  package mutating func failed(_ now: MonotonicTime) {
    guard case .waiting = connection else { return }
    connection = .none
    noteFailure(now)
  }

  /// The peer closed the connection, or it broke.
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

  /// The endpoint has left the pool; nothing happens any more.
  package mutating func stop() { connection = .stopped }

  /// The next turn of the endpoint's group. Turns lie at fixed points of the clock: endpoints that join later share them.
  /// The first one is far enough off for the scrape that started everything.
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
