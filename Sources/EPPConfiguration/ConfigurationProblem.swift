import EPPYAML

/// A defect in the flags or in a configuration file.
package struct ConfigurationProblem: Error, Equatable, Sendable, CustomStringConvertible {
  /// A position in a file.
  package struct Location: Equatable, Sendable {
    /// The line, from 1.
    package var line: Int
    /// The column in the line, from 1, in Unicode scalars.
    package var column: Int

    package init(line: Int, column: Int) {
      self.line = line
      self.column = column
    }
  }

  /// What is wrong, in one sentence for the operator, without the position.
  package var message: String
  /// The position in `file`; nil when it is not known, and for a flag.
  package var location: Location?
  /// The file with the defect; nil for a flag.
  package var file: String?

  package init(_ message: String, at location: Location? = nil, file: String? = nil) {
    self.message = message
    self.location = location
    self.file = file
  }

  /// Converts a problem of a YAML document. The location is nil unless line and column are known.
  init(_ problem: YAMLProblem) {
    message = problem.message
    if let line = problem.line, let column = problem.column { location = Location(line: line, column: column) }
  }

  /// The text `file:line:column: message`, in the form that editors recognise; unknown parts are left out.
  package var description: String {
    let place = location.map { "\($0.line):\($0.column): " } ?? (file == nil ? "" : " ")
    return (file.map { "\($0):" } ?? "") + place + message
  }
}

/// All problems of a configuration. `description` has one line for each.
package struct ConfigurationProblems: Error, Equatable, Sendable, CustomStringConvertible {
  /// The problems in the order of the report.
  package var problems: [ConfigurationProblem]

  package init(_ problems: [ConfigurationProblem]) { self.problems = problems }

  /// Makes an error of the problems of one file.
  ///
  /// - Parameter file: The file's name, which is set in all problems.
  package init(_ problems: [ConfigurationProblem], file: String) {
    self.problems = problems.map { ConfigurationProblem($0.message, at: $0.location, file: file) }
  }

  /// The exit status of the process: 64 (`EX_USAGE`) when a flag is wrong, 78 (`EX_CONFIG`) when only files are.
  package var exitStatus: Int32 { problems.contains { $0.file == nil } ? 64 : 78 }

  package var description: String { problems.map(\.description).joined(separator: "\n") }
}
