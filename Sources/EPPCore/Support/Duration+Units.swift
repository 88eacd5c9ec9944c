extension Duration {
  /// Whole nanoseconds, rounded towards zero; clamped to the range of `Int64`.
  package var wholeNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return seconds < 0 ? .min : .max }
    let (sum, tooLarge) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
    return tooLarge ? (seconds < 0 ? .min : .max) : sum
  }

  /// Whole microseconds, rounded towards zero.
  package var wholeMicroseconds: Int64 { wholeNanoseconds / 1000 }

  /// Whole milliseconds, rounded towards zero.
  package var wholeMilliseconds: Int64 { wholeNanoseconds / 1_000_000 }
}
