package import EPPCore
import Synchronization

/// A clock that stands until it is moved.
package final class ManualClock: Sendable {
  private let time: Mutex<MonotonicTime>

  package init(_ start: MonotonicTime = MonotonicTime(nanoseconds: 1_000_000_000)) { time = Mutex(start) }

  package var now: MonotonicTime { time.withLock { $0 } }

  package func advance(by duration: Duration) { time.withLock { $0 = $0.advanced(by: duration) } }
}

extension MonotonicTime {
  /// So long after the clock's zero.
  package static func milliseconds(_ count: UInt64) -> MonotonicTime {
    MonotonicTime(nanoseconds: count * 1_000_000)
  }
}
