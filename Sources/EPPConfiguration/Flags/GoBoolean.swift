package import ArgumentParser

/// The text of a Boolean flag in the forms of Go's flags: `--flag`, `--flag=true`, `--flag=0`.
///
/// It accepts any text, and `FlagCheck.boolean` checks it: for a text that is refused here, the argument parser would silently
/// use the value of the bare flag.
package struct GoBoolean: ExpressibleByArgument, CustomStringConvertible, Sendable {
  package let description: String

  /// Makes the text of a value.
  package init(_ value: Bool) { description = value ? "true" : "false" }

  package init?(argument: String) { description = argument }

  /// The value by the rules of Go's `strconv.ParseBool`; nil for any other text.
  package var value: Bool? {
    switch description {
    case "1", "t", "T", "true", "TRUE", "True": true
    case "0", "f", "F", "false", "FALSE", "False": false
    default: nil
    }
  }
}

/// The name and the default of a Boolean flag, for its help and its check.
///
/// The argument parser has no default for an option that is also a flag.
package struct BooleanFlag: Sendable {
  /// The name without dashes, such as `secure-serving`.
  package let name: String
  /// The value of a flag that is not given.
  package let defaultValue: Bool

  package init(_ name: String, default defaultValue: Bool) {
    self.name = name
    self.defaultValue = defaultValue
  }

  /// The name for the argument parser.
  package var specification: NameSpecification { .customLong(name) }

  /// Makes the help of the flag, with its default.
  package func help(_ text: String, visibility: ArgumentVisibility = .default) -> ArgumentHelp {
    ArgumentHelp("\(text) (default: \(defaultValue)).", valueName: "bool", visibility: visibility)
  }
}
