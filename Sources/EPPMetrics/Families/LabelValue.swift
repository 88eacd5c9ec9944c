/// Checks label values. They come from clients and configuration, so their length and their number are bounded.
enum LabelValue {
  /// The longest value in bytes of UTF-8.
  static let maximumBytes = 128
  /// The value that replaces all values beyond a limit.
  static let other = "other"

  /// Whether `cleaned` would return the value unchanged.
  static func isClean(_ value: String) -> Bool {
    value.utf8.count <= maximumBytes && !value.utf8.contains(where: isControl)
  }

  /// The value cut to `maximumBytes` at a character's boundary, with `_` for control characters.
  static func cleaned(_ value: String) -> String {
    if isClean(value) { return value }
    var result = ""
    for scalar in value.unicodeScalars {
      let kept: Unicode.Scalar = scalar.value < 0x20 || scalar.value == 0x7F ? "_" : scalar
      guard result.utf8.count + UTF8.width(kept) <= maximumBytes else { break }
      result.unicodeScalars.append(kept)
    }
    return result
  }

  private static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }
}

/// The distinct values of a label so far, up to a limit.
struct LabelValueSet: Sendable {
  private var values: Set<String> = []
  private let limit: Int

  /// - Parameter limit: the largest number of distinct values.
  init(limit: Int) { self.limit = limit }

  /// Whether the value has been admitted.
  func contains(_ value: String) -> Bool { values.contains(value) }

  /// The value itself when it is known or there is room for it; else nil, and the caller uses `LabelValue.other`.
  mutating func admit(_ value: String) -> String? {
    if values.contains(value) { return value }
    guard values.count < limit else { return nil }
    values.insert(value)
    return value
  }
}
