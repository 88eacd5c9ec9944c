package import EPPCore

/// When to check, with a replay, whether a silent stream has missed messages.
package struct ReplayCheckSchedule: Sendable {
  /// When the next check is due; nil when nothing has arrived since the last one, or there is no connection.
  package private(set) var dueAt: MonotonicTime?

  /// No check.
  package init() {}

  /// Sets the time of the next check, after a message or a connect.
  package mutating func set(_ time: MonotonicTime) { dueAt = time }

  /// Cancels the check, because the connection is lost: the next one starts with a replay.
  package mutating func cancel() { dueAt = nil }

  /// Schedules another check after the pause, because a replay was not answered, unless one is scheduled already.
  package mutating func noteUnanswered(_ pause: ReplayPause) { if dueAt == nil { dueAt = pause.end } }

  /// Whether to check now. A check that is due is made once.
  ///
  /// - Parameter isUnconfirmed: whether to check as soon as the pause is over, due or not. A check that is not due yet stays
  ///   scheduled, because messages may be lost until then.
  package mutating func take(_ now: MonotonicTime, isUnconfirmed: Bool, _ pause: ReplayPause) -> Bool {
    let isDue = dueAt.map { now >= $0 } ?? false
    guard isDue || isUnconfirmed, pause.isOver(now) else { return false }
    if isDue { dueAt = nil }
    return true
  }
}
