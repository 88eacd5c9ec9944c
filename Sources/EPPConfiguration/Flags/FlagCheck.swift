import EPPCore

/// Reads the texts of flags, and collects their problems and warnings.
package struct FlagCheck {
  /// Problems that keep the process from starting.
  package private(set) var problems: [ConfigurationProblem] = []
  /// Flags that have no effect and values that were changed, one sentence for each.
  package var warnings: [String] = []

  package init() {}

  /// Adds a problem of a flag.
  package mutating func problem(_ message: String) { problems.append(ConfigurationProblem(message)) }

  /// Adds the problems of a file.
  package mutating func add(_ others: ConfigurationProblems) { problems += others.problems }

  /// Reads a Boolean flag. Returns its default when it is not given, and, with a problem, when it is no Boolean.
  package mutating func boolean(_ text: GoBoolean?, _ flag: BooleanFlag) -> Bool {
    given(text, flag) ?? flag.defaultValue
  }

  /// Reads a Boolean flag. Returns nil when it is not given, and, with a problem, when it is no Boolean.
  package mutating func given(_ text: GoBoolean?, _ flag: BooleanFlag) -> Bool? {
    guard let text else { return nil }
    // An empty argument after the bare flag, which Go does not take for its value.
    if text.description.isEmpty { return true }
    if text.value == nil { problem("--\(flag.name): '\(text)' is neither true nor false") }
    return text.value
  }

  /// Checks a Boolean flag that has no effect.
  package mutating func ignore(_ text: GoBoolean?, _ flag: BooleanFlag) { _ = boolean(text, flag) }

  /// Reads a duration. Returns a second, with a problem, when the text is no duration, or is 0 and must not be.
  package mutating func duration(_ text: String, _ flag: String, mayBeZero: Bool = false) -> Duration {
    guard let duration = DurationText.parse(text), mayBeZero || duration > .zero else {
      let zero = mayBeZero ? "" : " above 0"
      problem("\(flag): '\(text)' is not a duration\(zero) such as 50ms, 5s or 1m30s")
      return .seconds(1)
    }
    return duration
  }

  /// Reads a number of bytes. Returns nil when the flag is not given, for 0 where `mayBeZero` is true, and, with a problem,
  /// when the text is no size above 0.
  package mutating func bytes(_ text: String?, _ flag: String, mayBeZero: Bool = false) -> Int? {
    guard let text = text.given else { return nil }
    guard let bytes = ByteQuantity.parse(text), mayBeZero || bytes > 0 else {
      problem("\(flag): '\(text)' is not a size\(mayBeZero ? "" : " above 0") such as 10MiB, 64Mi or 4194304")
      return nil
    }
    return bytes == 0 ? nil : bytes
  }

  /// Reads a text that names a value. Returns nil, with a problem, when `make` does not know the text.
  ///
  /// - Parameter known: All texts that `make` knows, for the message.
  package mutating func choice<Value>(_ make: (String) -> Value?, _ known: [String], _ text: String, _ flag: String)
    -> Value?
  {
    if let value = make(text) { return value }
    problem("\(flag): '\(text)' is none of \(known.joined(separator: ", "))\(NearestWord.suggestion(known, for: text))")
    return nil
  }

  /// Reads the raw value of a case. Returns nil, with a problem, when there is no such case.
  package mutating func choice<Value: RawRepresentable & CaseIterable>(_ text: String, _ flag: String) -> Value?
  where Value.RawValue == String {
    choice(Value.init, Value.allCases.map(\.rawValue), text, flag)
  }

  /// Reads a text that has to be one of the known ones. Returns nil, with a problem, when it is not.
  package mutating func word(_ text: String, of known: [String], _ flag: String) -> String? {
    choice({ known.contains($0) ? $0 : nil }, known, text, flag)
  }
}

extension String? {
  /// The text of a flag; nil when it is not given or empty: Helm charts pass `--pool-name ""` for a value that is not set.
  package var given: String? { self?.isEmpty == true ? nil : self }
}
