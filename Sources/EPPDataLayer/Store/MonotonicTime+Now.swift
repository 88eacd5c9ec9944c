package import EPPCore
import NIOCore

extension MonotonicTime {
  /// Returns the current time of the event loops' clock (`CLOCK_MONOTONIC`).
  package static func now() -> MonotonicTime { MonotonicTime(nanoseconds: NIODeadline.now().uptimeNanoseconds) }
}
