import EPPYAML

/// Something wrong in flags or in a configuration file: one sentence that says what to do.
package struct ConfigurationProblem: Error, Equatable, Sendable, CustomStringConvertible {
  /// Where in a file, from 1. Columns count Unicode scalars, as YAML parsers do.
  package struct Location: Equatable, Sendable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
      self.line = line
      self.column = column
    }
  }

  package var message: String
  package var location: Location?
  /// The file that it is in; nil for a flag.
  package var file: String?

  package init(_ message: String, at location: Location? = nil, file: String? = nil) {
    self.message = message
    self.location = location
    self.file = file
  }

  init(_ problem: YAMLProblem) {
    message = problem.message
    if let line = problem.line, let column = problem.column { location = Location(line: line, column: column) }
  }

  /// `file:line:column: message`, as far as these are known: the form that editors jump to.
  package var description: String {
    let place = location.map { "\($0.line):\($0.column): " } ?? (file == nil ? "" : " ")
    return (file.map { "\($0):" } ?? "") + place + message
  }
}

/// All problems of a configuration at once, each a line.
package struct ConfigurationProblems: Error, Equatable, Sendable, CustomStringConvertible {
  package var problems: [ConfigurationProblem]

  package init(_ problems: [ConfigurationProblem]) { self.problems = problems }

  /// - Parameter file: the file that all of them are in.
  package init(_ problems: [ConfigurationProblem], file: String) {
    self.problems = problems.map { ConfigurationProblem($0.message, at: $0.location, file: file) }
  }

  /// What the process ends with: 64 (`EX_USAGE`) when a flag is wrong, 78 (`EX_CONFIG`) when only a file is.
  package var exitStatus: Int32 { problems.contains { $0.file == nil } ? 64 : 78 }

  package var description: String { problems.map(\.description).joined(separator: "\n") }
}
