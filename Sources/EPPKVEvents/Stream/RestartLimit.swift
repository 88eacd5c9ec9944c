package import EPPCore

/// Bounds the cost of an engine that seems to restart continually, as several publishers at one address do, each with its own
/// numbers.
package struct RestartLimit: Sendable {
  /// The largest number of restarts within a window.
  package static let tolerated = 3
  private static let longestPause = Duration.seconds(480)
  /// How long an engine has to run without too many restarts to count as an ordinary one again.
  private static let probation = Duration.seconds(300)

  private let window: Duration
  private var backoff: Backoff
  private var times: [MonotonicTime] = []
  /// The end of the pause; nil when there is none.
  package private(set) var pausedUntil: MonotonicTime?
  private var trustedFrom: MonotonicTime?

  /// - Parameters:
  ///   - window: the time after which restarts no longer count.
  ///   - pause: the first pause; doubled each time.
  package init(window: Duration, pause: Duration) {
    self.window = window
    backoff = Backoff(initial: pause, ceiling: Self.longestPause)
  }

  /// Records a restart.
  ///
  /// - Returns: whether there were too many, so that the stream has to pause.
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

  /// Whether restarts should be logged: not for an engine that recently had too many.
  package func isTrusted(_ now: MonotonicTime) -> Bool { trustedFrom.map { now >= $0 } ?? true }

  /// Whether a pause has ended; true once for each.
  package mutating func endPause(_ now: MonotonicTime) -> Bool {
    guard let end = pausedUntil, now >= end else { return false }
    pausedUntil = nil
    return true
  }
}
