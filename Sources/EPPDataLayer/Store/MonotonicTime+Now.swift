package import EPPCore
import NIOCore

extension MonotonicTime {
  /// The present on the clock of the event loops (`CLOCK_MONOTONIC`).
  package static func now() -> MonotonicTime { MonotonicTime(nanoseconds: NIODeadline.now().uptimeNanoseconds) }
}
