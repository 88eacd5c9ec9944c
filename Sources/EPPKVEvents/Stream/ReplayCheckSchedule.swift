package import EPPCore

/// When a stream from which nothing comes is asked whether there was more.
package struct ReplayCheckSchedule: Sendable {
  /// Nil when nothing has come since the last check, or there is no connection.
  package private(set) var dueAt: MonotonicTime?

  package init() {}

  /// A message has come, or the connection is there.
  package mutating func set(_ time: MonotonicTime) { dueAt = time }

  /// The connection is lost: the next one begins with a replay.
  package mutating func cancel() { dueAt = nil }

  /// A replay was not answered. What it was to tell is still not known: it is asked again when the socket may be, unless
  /// something has come since.
  package mutating func noteUnanswered(_ pause: ReplayPause) { if dueAt == nil { dueAt = pause.end } }

  /// Whether to check at a time; a check that is due is made once.
  ///
  /// - Parameter isUnconfirmed: whether to check as soon as the pause is over, due or not. A check that is not due yet stays: what
  ///   is lost until then is not in the answer.
  package mutating func take(_ now: MonotonicTime, isUnconfirmed: Bool, _ pause: ReplayPause) -> Bool {
    let isDue = dueAt.map { now >= $0 } ?? false
    guard isDue || isUnconfirmed, pause.isOver(now) else { return false }
    if isDue { dueAt = nil }
    return true
  }
}
