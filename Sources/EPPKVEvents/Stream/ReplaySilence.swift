package import EPPCore

/// How long nothing has come of a replay. Only reading its socket can tell: while the thread serves others the answer may
/// wait there.
package struct ReplaySilence: Sendable {
  /// When it was asked for, or brought something last.
  private var heardAt: MonotonicTime
  /// When its socket was found empty last.
  private var emptyAt: MonotonicTime?

  package init(askedAt: MonotonicTime) { heardAt = askedAt }

  package mutating func noteHeard(_ now: MonotonicTime) { heardAt = now }

  package mutating func noteEmpty(_ now: MonotonicTime) { emptyAt = now }

  /// Whether nothing was received for so long, so that the socket is worth reading.
  package func mayBe(longerThan time: Duration, _ now: MonotonicTime) -> Bool { now >= heardAt.advanced(by: time) }

  /// Whether nothing has come for so long.
  package func isLonger(than time: Duration) -> Bool { emptyAt.map { mayBe(longerThan: time, $0) } ?? false }
}
