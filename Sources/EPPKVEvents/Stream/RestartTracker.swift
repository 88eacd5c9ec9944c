import EPPCore

/// Which starts of an engine's process are known, from its messages and from its metrics page.
struct RestartTracker: Sendable {
  /// When the engine's process was started, in seconds since 1970, as its metrics page has it; nil as long as it is not known.
  private(set) var startTime: Double?
  /// The restarts that its messages had shown when that was learned.
  private var restartsAtStart: UInt64 = 0
  /// Bounds what an engine costs that seems to be started anew all the time.
  private var limit: RestartLimit

  init(_ configuration: KVEventsConfiguration) {
    limit = RestartLimit(window: configuration.restartWindow, pause: configuration.restartPause)
  }

  /// Whether the stream is left alone because of too many restarts.
  var isPaused: Bool { limit.pausedUntil != nil }

  /// What a restart that the messages have shown means.
  enum Restart {
    /// Worth a line in the log.
    case ordinary
    /// One of many that were said before.
    case repeated
    /// There were too many: the stream has to be left alone for a while.
    case excessive
  }

  /// Takes over what an earlier process knew.
  mutating func resume(startTime: Double?) { self.startTime = startTime }

  /// The start time was read from the metrics page.
  ///
  /// - Parameter restarts: how many restarts the messages have shown by now.
  /// - Returns: whether it is later than before, and whether that is a restart which the messages have not shown.
  mutating func noteStart(at time: Double, restarts: UInt64) -> (isLater: Bool, isRestart: Bool) {
    // Only ever later: pages of several processes behind one port show now one time, now another.
    if let startTime, time <= startTime { return (false, false) }
    // The page comes after the engine's messages: a restart that they have shown is this one.
    let isRestart = startTime != nil && restarts == restartsAtStart
    startTime = time
    return (true, isRestart)
  }

  /// The start time has been dealt with: later ones are of restarts after these.
  mutating func settleStart(restarts: UInt64) { restartsAtStart = restarts }

  /// The engine was started anew, or so it seems.
  mutating func noteRestart(at now: MonotonicTime) -> Restart {
    if limit.note(now) { return .excessive }
    return limit.isTrusted(now) ? .ordinary : .repeated
  }

  /// Whether the pause after too many restarts has ended; true once for each.
  mutating func endPause(_ now: MonotonicTime) -> Bool { limit.endPause(now) }
}
