import EPPCore

/// Gathers what is wrong with flags while they are read.
struct FlagCheck {
  private(set) var problems: [ConfigurationProblem] = []
  /// What was given and has no effect, a sentence each.
  var warnings: [String] = []

  mutating func problem(_ message: String) { problems.append(ConfigurationProblem(message)) }

  /// Takes over what is wrong with a file.
  mutating func add(_ others: ConfigurationProblems) { problems += others.problems }

  /// The value of a Boolean flag: its default where it was not given, or is no Boolean.
  mutating func boolean(_ text: GoBoolean?, _ flag: BooleanFlag) -> Bool {
    given(text, flag) ?? flag.defaultValue
  }

  /// The same; nil where it was not given.
  mutating func given(_ text: GoBoolean?, _ flag: BooleanFlag) -> Bool? {
    guard let text else { return nil }
    if text.value == nil { problem("--\(flag.name): '\(text)' is neither true nor false") }
    return text.value
  }

  /// Checks a Boolean flag that has no effect whatever it is.
  mutating func ignore(_ text: GoBoolean?, _ flag: BooleanFlag) { _ = boolean(text, flag) }

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

  /// The value that a text names; nil, with a problem, where it is none of the known texts.
  mutating func choice<Value>(_ make: (String) -> Value?, _ known: [String], _ text: String, _ flag: String) -> Value? {
    if let value = make(text) { return value }
    problem("\(flag): '\(text)' is none of \(known.joined(separator: ", "))\(NearestWord.suggestion(known, for: text))")
    return nil
  }

  /// One of the cases that a text names, by their raw values.
  mutating func choice<Value: RawRepresentable & CaseIterable>(_ text: String, _ flag: String) -> Value?
  where Value.RawValue == String {
    choice(Value.init, Value.allCases.map(\.rawValue), text, flag)
  }

  /// A text that has to be one of the known ones; nil, with a problem, where it is not.
  mutating func word(_ text: String, of known: [String], _ flag: String) -> String? {
    choice({ known.contains($0) ? $0 : nil }, known, text, flag)
  }
}

extension String? {
  /// Nil for an empty text as well: charts pass `--pool-name ""` for what is not set.
  var given: String? { self?.isEmpty == true ? nil : self }
}
