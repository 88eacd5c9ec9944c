/// Something wrong in flags or in a configuration file: one sentence that says what to do.
package struct ConfigurationProblem: Error, Equatable, Sendable, CustomStringConvertible {
  /// Where in a file, from 1.
  package struct Location: Equatable, Sendable {
    package var line: Int
    package var column: Int
  }

  package var message: String
  package var location: Location?

  package init(_ message: String, at location: Location? = nil) {
    self.message = message
    self.location = location
  }

  package var description: String {
    location.map { "\($0.line):\($0.column): \(message)" } ?? message
  }
}

/// All problems of a configuration at once, each a line.
package struct ConfigurationProblems: Error, Equatable, Sendable, CustomStringConvertible {
  package var problems: [ConfigurationProblem]
  /// The file that they are in; nil for flags.
  package var file: String?

  package init(_ problems: [ConfigurationProblem], file: String? = nil) {
    self.problems = problems
    self.file = file
  }

  package var description: String {
    problems.map { problem in file.map { "\($0):\(problem)" } ?? "\(problem)" }.joined(separator: "\n")
  }
}
