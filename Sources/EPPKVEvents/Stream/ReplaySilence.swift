package import EPPCore

/// Measures how long a replay has brought nothing. Only reading its socket shows that: answers may wait there while the thread
/// serves other sockets.
package struct ReplaySilence: Sendable {
  /// When it was requested, or last brought something.
  private var heardAt: MonotonicTime
  /// When its socket was last found empty.
  private var emptyAt: MonotonicTime?

  /// - Parameter askedAt: when the replay was requested.
  package init(askedAt: MonotonicTime) { heardAt = askedAt }

  /// Records an answer.
  package mutating func noteHeard(_ now: MonotonicTime) { heardAt = now }

  /// Records that the socket was found empty.
  package mutating func noteEmpty(_ now: MonotonicTime) { emptyAt = now }

  /// Whether nothing was read for longer than `time`, so that the socket should be read.
  package func mayBe(longerThan time: Duration, _ now: MonotonicTime) -> Bool { now >= heardAt.advanced(by: time) }

  /// Whether nothing has arrived for longer than `time`.
  package func isLonger(than time: Duration) -> Bool { emptyAt.map { mayBe(longerThan: time, $0) } ?? false }
}
