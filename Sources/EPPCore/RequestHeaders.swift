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
  /// One bit for each length of a name, modulo 64: most names that are looked for have a length that no field's name has.
  private var lengths: UInt64 = 0

  /// Headers in the given order; names have to be lower case.
  package init(_ fields: [Field] = []) {
    self.fields = fields
    for field in fields { lengths |= Self.lengthBit(field.name.utf8.count) }
  }

  /// Adds a field; `name` has to be lower case.
  package mutating func append(name: String, value: String) {
    lengths |= Self.lengthBit(name.utf8.count)
    fields.append(Field(name: name, value: value))
  }

  private static func lengthBit(_ count: Int) -> UInt64 { 1 << UInt64(count & 63) }

  /// The value of the first field with this lower-case name; nil when there is none.
  package func first(_ name: String) -> String? {
    let count = name.utf8.count
    guard lengths & Self.lengthBit(count) != 0 else { return nil }
    // In place, so that no field is copied; lengths first: unequal strings are otherwise compared as Unicode text.
    let all = fields.span
    for index in all.indices where all[index].name.utf8.count == count && all[index].name == name {
      return all[index].value
    }
    return nil
  }

  /// The value of the first field named `name`, else of the first one named `oldName`.
  package func first(_ name: String, or oldName: String) -> String? { first(name) ?? first(oldName) }
}
