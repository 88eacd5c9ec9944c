/// Something about an endpoint's description that keeps it, or a part of it, from being used.
package struct EndpointProblem: Error, Equatable, Sendable, CustomStringConvertible {
  /// Where in the endpoints file, from 1; nil for other sources.
  package var line: Int?
  /// What is wrong and what would be right.
  package var message: String

  package init(_ message: String, line: Int? = nil) {
    self.message = message
    self.line = line
  }

  package var description: String { line.map { "line \($0): \(message)" } ?? message }
}
