import EPPCore

/// Combines the restarts of an engine that its messages and its metrics page show.
struct RestartTracker: Sendable {
  /// The start of the engine's process in seconds since 1970, from its metrics page; nil until it is known.
  private(set) var startTime: Double?
  /// The number of restarts shown by messages when `startTime` was learned.
  private var restartsAtStart: UInt64 = 0
  /// Bounds the cost of an engine that seems to restart continually.
  private var limit: RestartLimit

  init(_ configuration: KVEventsConfiguration) {
    limit = RestartLimit(window: configuration.restartWindow, pause: configuration.restartPause)
  }

  /// Whether the stream is paused because of too many restarts.
  var isPaused: Bool { limit.pausedUntil != nil }

  /// The classification of a restart that the messages have shown.
  enum Restart {
    /// To be logged.
    case ordinary
    /// One of many; not to be logged.
    case repeated
    /// One too many: the stream has to pause.
    case excessive
  }

  /// Takes over the start time that an earlier process of this program knew.
  mutating func resume(startTime: Double?) { self.startTime = startTime }

  /// Records a start time from the metrics page.
  ///
  /// - Parameter restarts: the number of restarts that messages have shown.
  /// - Returns: whether it is later than the known one, and whether it shows a restart that the messages have not shown.
  mutating func noteStart(at time: Double, restarts: UInt64) -> (isLater: Bool, isRestart: Bool) {
    // Only ever later: pages of several processes behind one port show now one time, now another.
    if let startTime, time <= startTime { return (false, false) }
    // The page comes after the engine's messages: a restart that they have shown is this one.
    let isRestart = startTime != nil && restarts == restartsAtStart
    startTime = time
    return (true, isRestart)
  }

  /// Records that the start time has been processed.
  ///
  /// - Parameter restarts: the number of restarts that messages have shown.
  mutating func settleStart(restarts: UInt64) { restartsAtStart = restarts }

  /// Records a restart that the messages have shown.
  mutating func noteRestart(at now: MonotonicTime) -> Restart {
    if limit.note(now) { return .excessive }
    return limit.isTrusted(now) ? .ordinary : .repeated
  }

  /// Whether the pause after too many restarts has ended; true once for each.
  mutating func endPause(_ now: MonotonicTime) -> Bool { limit.endPause(now) }
}
