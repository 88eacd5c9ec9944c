/// Headers of a request in the order of arrival; names are lower case.
package struct RequestHeaders: Sendable, Equatable {
  /// One header.
  package struct Field: Sendable, Equatable {
    /// The name in lower case.
    package var name: String
    /// The value as it was sent.
    package var value: String

    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// All headers; a name may occur more than once.
  package private(set) var fields: [Field]

  /// Headers in the given order; names have to be lower case.
  package init(_ fields: [Field] = []) { self.fields = fields }

  /// Adds a field; `name` has to be lower case.
  package mutating func append(name: String, value: String) { fields.append(Field(name: name, value: value)) }

  /// The value of the first field with this lower-case name; nil when there is none.
  package func first(_ name: String) -> String? {
    // Lengths first: unequal strings are otherwise compared as Unicode text.
    let count = name.utf8.count
    for field in fields where field.name.utf8.count == count && field.name == name { return field.value }
    return nil
  }

  /// The value of the first field named `name`, else of the first one named `oldName`.
  package func first(_ name: String, or oldName: String) -> String? { first(name) ?? first(oldName) }
}
