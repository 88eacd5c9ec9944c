/// Headers of a request in the order in which they came; names are lower case.
package struct RequestHeaders: Sendable, Equatable {
  package struct Field: Sendable, Equatable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  package private(set) var fields: [Field]

  package init(_ fields: [Field] = []) { self.fields = fields }

  /// Adds a field; the name has to be lower case already.
  package mutating func append(name: String, value: String) { fields.append(Field(name: name, value: value)) }

  /// The value of the first field with this lower-case name.
  package func first(_ name: String) -> String? {
    // Lengths first: unequal strings are otherwise compared as Unicode text.
    let count = name.utf8.count
    for field in fields where field.name.utf8.count == count && field.name == name { return field.value }
    return nil
  }

  /// The value of the first field with the new name, else of the first one with the old name.
  package func first(_ name: String, or oldName: String) -> String? { first(name) ?? first(oldName) }
}
