/// A point on the monotonic clock. Whoever does I/O reads the clock and passes the value in; modules that decide things do not
/// read it themselves.
package struct MonotonicTime: Hashable, Comparable, Sendable {
  /// Nanoseconds since the start of the clock.
  package var nanoseconds: UInt64

  package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

  /// The time that is later by `duration`; saturates at the ends of the scale.
  package func advanced(by duration: Duration) -> MonotonicTime {
    let delta = duration.wholeNanoseconds
    if delta < 0 {
      return MonotonicTime(nanoseconds: nanoseconds < delta.magnitude ? 0 : nanoseconds - delta.magnitude)
    }
    let (sum, tooLate) = nanoseconds.addingReportingOverflow(UInt64(delta))
    return MonotonicTime(nanoseconds: tooLate ? .max : sum)
  }

  /// How much later this is than `earlier`; negative when it is earlier.
  package func duration(since earlier: MonotonicTime) -> Duration {
    nanoseconds >= earlier.nanoseconds
      ? .nanoseconds(Int64(clamping: nanoseconds - earlier.nanoseconds))
      : .zero - .nanoseconds(Int64(clamping: earlier.nanoseconds - nanoseconds))
  }
}
