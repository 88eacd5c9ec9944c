import EPPCore
package import EPPRequests

/// Changes members of a JSON object and leaves all others byte for byte, in their order.
///
/// A name that occurs more than once has the meaning of its last member, as in engines; changing it leaves one. Written names and
/// values are JSON text.
package struct JSONObjectEdit: Equatable {
  private enum Member: Equatable {
    /// A member of the body: its name, the range of name and value, and the range of the value.
    case given(name: String, whole: Range<Int>, value: Range<Int>)
    case written(name: String, json: [UInt8])

    var name: String {
      switch self {
      case .given(let name, _, _), .written(let name, _): name
      }
    }
  }

  private var members: [Member] = []

  /// Reads the members of an object.
  ///
  /// - Throws: When the bytes are no JSON object.
  package init(_ body: RawSpan) throws(JSONError) { try self.init(body, in: 0..<body.byteCount) }

  /// Reads the members of an object that is a value in `body`.
  package init(_ body: RawSpan, in range: Range<Int>) throws(JSONError) {
    var cursor = JSONCursor(range)
    try cursor.open(body, .object)
    var isFirst = true
    while let key = try cursor.nextMember(body, isFirst: &isFirst) {
      let value = try cursor.skipValue(body)
      members.append(
        .given(
          name: key.string(in: body), whole: key.quotedRange.lowerBound..<value.upperBound, value: value))
    }
    try cursor.finish(body)
  }

  /// An object without members.
  package init() {}

  /// The range of a member's value in the body; nil when the body has no such member, or it was changed.
  package func value(_ name: String) -> Range<Int>? {
    for member in members.reversed() {
      switch member {
      case .given(name, _, let value): return value
      case .written(name, _): return nil
      default: continue
      }
    }
    return nil
  }

  /// The names of all members, in their order.
  var names: [String] { members.map(\.name) }

  /// Whether there is a member of the name.
  package func contains(_ name: String) -> Bool { members.contains { $0.name == name } }

  /// Gives a member a value; a new one is the last.
  ///
  /// - Parameter json: The value as JSON text.
  package mutating func set(_ name: String, json: some Sequence<UInt8>) {
    let written = Member.written(name: name, json: Array(json))
    guard let place = members.lastIndex(where: { $0.name == name }) else {
      members.append(written)
      return
    }
    members[place] = written
    var index = place - 1
    while index >= 0 {
      if members[index].name == name { members.remove(at: index) }
      index -= 1
    }
  }

  /// Gives a member a number.
  package mutating func set(_ name: String, _ number: Int) { set(name, json: String(number).utf8) }

  /// Gives a member a truth value.
  package mutating func set(_ name: String, _ value: Bool) { set(name, json: (value ? "true" : "false").utf8) }

  /// Gives a member a text; nil for JSON's null.
  package mutating func set(_ name: String, _ text: String?) {
    var json: [UInt8] = []
    if let text { json.appendJSONString(text) } else { json.append(contentsOf: "null".utf8) }
    set(name, json: json)
  }

  /// Gives a member an object.
  package mutating func set(_ name: String, _ object: JSONObjectEdit, _ body: RawSpan) {
    set(name, json: object.bytes(body))
  }

  /// Removes all members of the name.
  package mutating func remove(_ name: String) { members.removeAll { $0.name == name } }

  /// The object as JSON text.
  ///
  /// - Parameter body: The bytes that were read.
  package func bytes(_ body: RawSpan) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(body.byteCount + 256)
    output.append(UInt8(ascii: "{"))
    for (index, member) in members.enumerated() {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      switch member {
      case .given(_, let whole, _):
        unsafe body.extracting(whole).withUnsafeBytes { unsafe output.append(contentsOf: $0) }
      case .written(let name, let json):
        output.appendJSONString(name)
        output.append(UInt8(ascii: ":"))
        output.append(contentsOf: json)
      }
    }
    output.append(UInt8(ascii: "}"))
    return output
  }
}
