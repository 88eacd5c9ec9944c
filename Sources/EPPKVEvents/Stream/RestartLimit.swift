package import EPPCore

/// Bounds what an engine costs that seems to be started anew all the time: several publishers at one address, each of which
/// counts for itself, look like that.
package struct RestartLimit: Sendable {
  /// Restarts within a window that an engine may have.
  package static let tolerated = 3
  private static let longestPause = Duration.seconds(480)
  /// How long an engine has to behave until it is an ordinary one again.
  private static let probation = Duration.seconds(300)

  private let window: Duration
  private var backoff: Backoff
  private var times: [MonotonicTime] = []
  /// Until when nothing is listened to; nil when nothing has to wait.
  package private(set) var pausedUntil: MonotonicTime?
  private var trustedFrom: MonotonicTime?

  /// - Parameters:
  ///   - window: restarts that are this long ago do not count any more.
  ///   - pause: how long such an engine is left alone, the first time; doubled as long as it goes on.
  package init(window: Duration, pause: Duration) {
    self.window = window
    backoff = Backoff(initial: pause, ceiling: Self.longestPause)
  }

  /// A restart was noticed.
  ///
  /// - Returns: whether there were too many by now: the stream has to pause.
  package mutating func note(_ now: MonotonicTime) -> Bool {
    times.removeAll { now >= $0.advanced(by: window) }
    times.append(now)
    guard times.count > Self.tolerated else { return false }
    times.removeAll()
    if isTrusted(now) { backoff.reset() }
    let end = now.advanced(by: backoff.fail())
    pausedUntil = end
    trustedFrom = end.advanced(by: Self.probation)
    return true
  }

  /// Whether restarts are worth a line in the log: an engine that has too many of them is no news each time.
  package func isTrusted(_ now: MonotonicTime) -> Bool { trustedFrom.map { now >= $0 } ?? true }

  /// Whether a pause has ended; true once for each.
  package mutating func endPause(_ now: MonotonicTime) -> Bool {
    guard let end = pausedUntil, now >= end else { return false }
    pausedUntil = nil
    return true
  }
}
