/// Reads and writes durations of the command line: `10ms`, `0.5s`, `250us`, `0`.
package enum DurationText {
  private static let units: [(suffix: String, seconds: Double)] = [("ms", 1e-3), ("us", 1e-6), ("s", 1)]
  /// Seconds of the longest duration.
  private static let longestSeconds = 3600.0

  /// Reads a duration from 0 to an hour; nil for other texts. A unit is required, except for 0.
  package static func read(_ text: String) -> Duration? {
    if text == "0" { return .zero }
    guard let unit = units.first(where: { text.hasSuffix($0.suffix) }),
      let number = Double(text.dropLast(unit.suffix.count)),
      (0...longestSeconds).contains(number * unit.seconds)
    else { return nil }
    return .nanoseconds(Int64((number * unit.seconds * 1e9).rounded()))
  }

  /// Returns the text of a duration in milliseconds.
  package static func write(_ duration: Duration) -> String {
    let milliseconds = duration / .milliseconds(1)
    if milliseconds == 0 { return "0" }
    return Int(exactly: milliseconds).map { "\($0)ms" } ?? "\(milliseconds)ms"
  }
}
