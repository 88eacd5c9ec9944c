/// A defect of a YAML document and its position.
package struct YAMLProblem: Error, Equatable, Sendable {
  /// What is wrong, without the position.
  package var message: String
  /// Line of the document, from 1; nil when it is not known.
  package var line: Int?
  /// Column in the line, from 1, in Unicode scalars; nil when it is not known.
  package var column: Int?

  package init(_ message: String, line: Int? = nil, column: Int? = nil) {
    self.message = message
    self.line = line
    self.column = column
  }
}
