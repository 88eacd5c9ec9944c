package import EPPCore

/// The pause after failures of a replay socket, longer each time, so that an engine whose replay does not answer neither takes
/// the turns of others nor delays its own messages repeatedly.
package struct ReplayPause: Sendable {
  private var backoff: Backoff
  /// When the socket may be used again; nil when nothing has failed.
  package private(set) var end: MonotonicTime?

  /// No failures.
  ///
  /// - Parameters:
  ///   - first: the pause after the first failure.
  ///   - longest: the longest pause.
  package init(first: Duration, longest: Duration) {
    backoff = Backoff(initial: first, ceiling: longest)
  }

  /// Starts a pause after a replay that was not answered, was given up, or did not contain the missing messages.
  package mutating func noteFailure(_ now: MonotonicTime) {
    end = now.advanced(by: backoff.fail())
  }

  /// Ends the pause, after an answered replay or when another process may listen.
  package mutating func reset() {
    backoff.reset()
    end = nil
  }

  /// Whether the pause is over.
  package func isOver(_ now: MonotonicTime) -> Bool { end.map { now >= $0 } ?? true }

  /// Whether the pause ends soon enough for messages to wait.
  package func isShort(_ now: MonotonicTime) -> Bool { end.map { $0.duration(since: now) <= Self.shortPause } ?? true }

  /// About the duration of an answered replay.
  private static let shortPause = Duration.seconds(4)
}
