import ArgumentParser

/// The text of a Boolean flag as Go's flags take it: `--flag`, `--flag=true`, `--flag=0`.
///
/// Takes any text: for one that it refuses, the argument parser would use the value of the bare flag without a word.
/// `FlagCheck.boolean` reads it.
package struct GoBoolean: ExpressibleByArgument, CustomStringConvertible, Sendable {
  package let description: String

  package init(_ value: Bool) { description = value ? "true" : "false" }

  package init?(argument: String) { description = argument }

  /// The value by the words of Go's `strconv.ParseBool`; nil for any other text.
  package var value: Bool? {
    switch description {
    case "1", "t", "T", "true", "TRUE", "True": true
    case "0", "f", "F", "false", "FALSE", "False": false
    default: nil
    }
  }
}

/// The name and the default of a Boolean flag, each written once.
///
/// The argument parser has no default for an option that is a flag as well, so the help and the check take it from here.
struct BooleanFlag: Sendable {
  /// Without dashes, such as `secure-serving`.
  let name: String
  let defaultValue: Bool

  init(_ name: String, default defaultValue: Bool) {
    self.name = name
    self.defaultValue = defaultValue
  }

  var specification: NameSpecification { .customLong(name) }

  /// The help of the flag, which says the default.
  func help(_ text: String, visibility: ArgumentVisibility = .default) -> ArgumentHelp {
    ArgumentHelp("\(text) (default: \(defaultValue)).", valueName: "bool", visibility: visibility)
  }
}
