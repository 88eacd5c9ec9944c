extension ServeOptions {
  /// Reads a Boolean flag with the words of Go's `strconv.ParseBool`. Nil for anything else, which `validated` reports.
  package mutating func boolean(_ text: String, _ flag: String) -> Bool? {
    switch text {
    case "1", "t", "T", "true", "TRUE", "True": return true
    case "0", "f", "F", "false", "FALSE", "False": return false
    default:
      malformed.append("\(flag): '\(text)' is neither true nor false")
      return nil
    }
  }
}
