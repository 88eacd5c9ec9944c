import EPPCore

/// Gathers what is wrong with flags while they are read.
struct OptionsCheck {
  private(set) var problems: [ConfigurationProblem] = []
  var warnings: [String] = []

  mutating func problem(_ message: String) { problems.append(ConfigurationProblem(message)) }

  /// Takes over what is wrong with a file.
  mutating func add(_ others: ConfigurationProblems) { problems += others.problems }

  mutating func duration(_ text: String, _ flag: String, mayBeZero: Bool = false) -> Duration {
    guard let duration = DurationText.parse(text), mayBeZero || duration > .zero else {
      let zero = mayBeZero ? "" : " above 0"
      problem("\(flag): '\(text)' is not a duration\(zero) such as 50ms, 5s or 1m30s")
      return .seconds(1)
    }
    return duration
  }

  /// Nil for a flag that was not given, and for 0 where that means the default.
  mutating func bytes(_ text: String?, _ flag: String, mayBeZero: Bool = false) -> Int? {
    guard let text = text.given else { return nil }
    guard let bytes = ByteQuantity.parse(text), mayBeZero || bytes > 0 else {
      problem("\(flag): '\(text)' is not a size\(mayBeZero ? "" : " above 0") such as 10MiB, 64Mi or 4194304")
      return nil
    }
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

extension String? {
  /// Nil for an empty text as well.
  var given: String? { self?.isEmpty == true ? nil : self }
}
