/// Gathers what is wrong with flags while they are read.
struct OptionsCheck {
  private(set) var problems: [ConfigurationProblem] = []
  var warnings: [String] = []

  mutating func problem(_ message: String) { problems.append(ConfigurationProblem(message)) }

  mutating func duration(_ text: String, _ flag: String) -> Duration {
    guard let duration = DurationText.parse(text), duration > .zero || flag == "--drain-timeout" else {
      problem("\(flag): '\(text)' is not a duration such as 50ms, 5s or 1m30s")
      return .seconds(1)
    }
    return duration
  }

  /// Nil for a flag that was not given, for an empty text and for 0, which all mean the default.
  mutating func bytes(_ text: String?, _ flag: String) -> Int? {
    guard let text, !text.isEmpty else { return nil }
    guard let bytes = ByteQuantity.parse(text) else {
      problem("\(flag): '\(text)' is not a size such as 10MiB, 64Mi or 4194304")
      return nil
    }
    if bytes == 0, flag.hasPrefix("--max") { problem("\(flag) has to be more than 0") }
    return bytes == 0 ? nil : bytes
  }

  mutating func choice<Value>(
    _ make: (String) -> Value?, _ known: [String], _ text: String, _ flag: String
  ) -> Value? {
    if let value = make(text) { return value }
    problem(
      "\(flag): '\(text)' is none of \(known.joined(separator: ", "))\(NearestWord.suggestion(known, for: text))")
    return nil
  }
}
