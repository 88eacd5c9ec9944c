import EPPCore
/// Reads and writes durations in the format of Go: `50ms`, `1m30s`, `1.5h`, `0`.
package enum DurationText {
  private static let units: [(suffix: String, nanoseconds: Double)] = [
    ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
  ]

  /// Reads a duration; nil when the text is no duration, is negative, or is 100 years or more.
  package static func parse(_ text: String) -> Duration? {
    if text == "0" { return .zero }
    var rest = text[...]
    var total = 0.0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest.dropFirst(number.count)
      let unit = rest.prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
      rest = rest.dropFirst(unit.count)
      guard let value = Double(number), let found = units.first(where: { $0.suffix == unit }) else { return nil }
      total += value * found.nanoseconds
    }
    guard total.isFinite, total < 100 * 365 * 86_400e9 else { return nil }
    return .nanoseconds(Int64(total.rounded()))
  }

  /// Returns the text of a duration in the largest unit of s, ms, us and ns that divides it.
  package static func format(_ duration: Duration) -> String {
    let nanoseconds = duration.wholeNanoseconds
    if nanoseconds == 0 { return "0" }
    if nanoseconds % 1_000_000_000 == 0 { return "\(nanoseconds / 1_000_000_000)s" }
    if nanoseconds % 1_000_000 == 0 { return "\(nanoseconds / 1_000_000)ms" }
    return nanoseconds % 1_000 == 0 ? "\(nanoseconds / 1_000)us" : "\(nanoseconds)ns"
  }
}
