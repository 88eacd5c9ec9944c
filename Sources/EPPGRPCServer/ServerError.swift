/// Why the server cannot start: one sentence for the operator.
package struct ServerError: Error, CustomStringConvertible, Equatable {
  package let description: String

  package init(_ description: String) { self.description = description }
}
