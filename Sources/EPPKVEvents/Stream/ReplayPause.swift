package import EPPCore

/// How long a replay socket that is of no use is left alone: longer each time, so that an engine whose replay does not
/// answer takes neither the turns of others nor, again and again, the time of its own messages.
package struct ReplayPause: Sendable {
  private var backoff: Backoff
  /// When the socket may be asked again; nil when nothing has failed.
  package private(set) var end: MonotonicTime?

  package init(first: Duration, longest: Duration) {
    backoff = Backoff(initial: first, ceiling: longest)
  }

  /// A replay was not answered, was given up, or had nothing of what was missing.
  package mutating func noteFailure(_ now: MonotonicTime) {
    end = now.advanced(by: backoff.fail())
  }

  /// A replay was answered, or another process may listen there by now.
  package mutating func reset() {
    backoff.reset()
    end = nil
  }

  package func isOver(_ now: MonotonicTime) -> Bool { end.map { now >= $0 } ?? true }

  /// Whether it is over soon enough for messages to wait for it.
  package func isShort(_ now: MonotonicTime) -> Bool { end.map { $0.duration(since: now) <= Self.shortPause } ?? true }

  /// About as long as a replay that is answered may take.
  private static let shortPause = Duration.seconds(4)
}
