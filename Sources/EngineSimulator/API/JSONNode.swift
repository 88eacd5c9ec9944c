package import EPPRequests

/// A JSON value. Members of objects are in the order of the text.
package enum JSONNode: Sendable, Equatable {
  /// A member of an object.
  package struct Member: Sendable, Equatable {
    package var name: String
    package var value: JSONNode
  }

  case object([Member])
  case array([JSONNode])
  case string(String)
  /// A number without sign, fraction and exponent.
  case integer(UInt64)
  /// The text of any other number.
  case number(String)
  case boolean(Bool)
  case null

  /// Reads a text.
  ///
  /// - Throws: `JSONError` when the text is not one JSON value, or is nested too deeply.
  package init(_ text: [UInt8]) throws(JSONError) {
    let bytes = unsafe text.span.bytes
    var cursor = JSONCursor(bytes)
    self = try Self.read(bytes, &cursor)
    try cursor.finish(bytes)
  }

  /// Reads a value. The cursor limits the depth of the recursion.
  private static func read(_ bytes: RawSpan, _ cursor: inout JSONCursor) throws(JSONError) -> JSONNode {
    switch try cursor.peek(bytes) {
    case .object:
      var members: [Member] = []
      try cursor.open(bytes, .object)
      var isFirst = true
      while let name = try cursor.nextMember(bytes, isFirst: &isFirst) {
        members.append(Member(name: name.string(in: bytes), value: try read(bytes, &cursor)))
      }
      return .object(members)
    case .array:
      var elements: [JSONNode] = []
      try cursor.open(bytes, .array)
      var isFirst = true
      while try cursor.nextElement(bytes, isFirst: &isFirst) { elements.append(try read(bytes, &cursor)) }
      return .array(elements)
    case .string: return .string(try cursor.readString(bytes).string(in: bytes))
    case .number:
      let number = try cursor.readNumber(bytes)
      if let integer = number.integer { return .integer(integer) }
      return .number(
        String(
          decoding: number.range.map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }, as: UTF8.self))
    case .boolean: return .boolean(try cursor.readBoolean(bytes))
    case .null:
      try cursor.readNull(bytes)
      return .null
    }
  }

  /// The value of an object's member, of the last one when there are several; nil when there is none, and for other values.
  subscript(name: String) -> JSONNode? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.name == name }?.value
  }

  /// The string; nil for other values.
  var text: String? { if case .string(let text) = self { text } else { nil } }

  /// The number; nil for a value that is no integer of at least 0.
  var integer: UInt64? { if case .integer(let integer) = self { integer } else { nil } }

  /// The number; nil for other values.
  var double: Double? {
    switch self {
    case .integer(let integer): Double(integer)
    case .number(let text): Double(text)
    default: nil
    }
  }

  /// The Boolean; nil for other values.
  var boolean: Bool? { if case .boolean(let boolean) = self { boolean } else { nil } }

  /// The elements of an array; nil for other values.
  var elements: [JSONNode]? { if case .array(let elements) = self { elements } else { nil } }
}

extension JSONNode {
  /// The value in JSON as chat templates print it: like Python's `json`, with a space after each comma and colon.
  var printed: String {
    switch self {
    case .object(let members):
      "{" + members.map { "\(JSONString.quoted($0.name)): \($0.value.printed)" }.joined(separator: ", ") + "}"
    case .array(let elements): "[" + elements.map(\.printed).joined(separator: ", ") + "]"
    case .string(let text): JSONString.quoted(text)
    case .integer(let integer): "\(integer)"
    case .number(let text): text
    case .boolean(let boolean): boolean ? "true" : "false"
    case .null: "null"
    }
  }
}
