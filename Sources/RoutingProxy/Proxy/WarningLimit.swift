import EPPCore

/// Warnings that a request may give rise to; their texts.
enum FrequentWarning: String {
  case refusedTarget = "a request names a target that is not allowed"
  case fallback = "a prefill engine has not computed a prompt; the decode engine does"
}

/// Lets one of many equal warnings through in a second, so that requests cannot fill the log. A value without a clock.
struct WarningLimit {
  private static let interval = Duration.seconds(1)
  private var last: MonotonicTime?
  private var unwritten = 0

  /// How many warnings were not written since the last one; nil when this one is not to be written either.
  mutating func admit(at now: MonotonicTime) -> Int? {
    if let last, now < last.advanced(by: Self.interval) {
      unwritten += 1
      return nil
    }
    defer { unwritten = 0 }
    last = now
    return unwritten
  }
}
