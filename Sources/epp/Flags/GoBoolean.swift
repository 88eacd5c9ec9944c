import ArgumentParser
import EPPConfiguration

/// A Boolean as Go's flags take it: `--flag`, `--flag=true`, `--flag=0`.
///
/// Takes any text: for one that it refuses, the library would use the value of the bare flag without a word.
struct GoBoolean: ExpressibleByArgument, CustomStringConvertible {
  let description: String

  init(_ value: Bool) { description = value ? "true" : "false" }

  init?(argument: String) { description = argument }
}

extension GoBoolean? {
  /// The value that was given, or nil; what is no Boolean is noted in the options.
  func read(_ flag: String, into options: inout ServeOptions) -> Bool? {
    guard let text = self?.description else { return nil }
    return options.boolean(text, flag)
  }
}
