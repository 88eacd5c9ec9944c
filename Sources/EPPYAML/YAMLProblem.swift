/// Why a text is no YAML document, and where: one sentence.
package struct YAMLProblem: Error, Equatable, Sendable {
  package var message: String
  /// From 1; nil when the place is not known. Columns count Unicode scalars.
  package var line: Int?
  package var column: Int?

  package init(_ message: String, line: Int? = nil, column: Int? = nil) {
    self.message = message
    self.line = line
    self.column = column
  }
}
