import ArgumentParser

/// A Boolean as Go's flags take it: `--flag`, `--flag=true`, `--flag=0`.
struct GoBoolean: ExpressibleByArgument, CustomStringConvertible {
  var value: Bool

  init(_ value: Bool) { self.value = value }

  init?(argument: String) {
    switch argument {
    case "1", "t", "T", "true", "TRUE", "True": value = true
    case "0", "f", "F", "false", "FALSE", "False": value = false
    default: return nil
    }
  }

  var description: String { value ? "true" : "false" }
}
