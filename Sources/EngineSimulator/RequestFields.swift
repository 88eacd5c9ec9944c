import EPPRequests

/// The few fields of a JSON object that a path of the simulator asks for: scalars, at the top or one level down.
struct RequestFields {
  private(set) var strings: [String: String] = [:]
  private(set) var numbers: [String: Double] = [:]
  private(set) var booleans: [String: Bool] = [:]

  /// Reads the fields with these names; one inside an object is named `outer.inner`. Others are checked and skipped, and
  /// so are values that are no scalars.
  init(_ names: Set<String>, from body: [UInt8]) throws(APIError) {
    let bytes = unsafe body.span.bytes
    do {
      var cursor = JSONCursor(bytes)
      try read(names, prefix: "", bytes, &cursor)
      try cursor.finish(bytes)
    } catch {
      throw APIError.invalidJSON(offset: error.offset)
    }
  }

  private mutating func read(
    _ names: Set<String>, prefix: String, _ body: RawSpan, _ cursor: inout JSONCursor
  ) throws(JSONError) {
    try cursor.open(body, .object)
    var isFirst = true
    while let key = try cursor.nextMember(body, isFirst: &isFirst) {
      let name = prefix + key.string(in: body)
      switch try cursor.peek(body) {
      case .object where prefix.isEmpty && names.contains { $0.hasPrefix(name + ".") }:
        try read(names, prefix: name + ".", body, &cursor)
      case .string where names.contains(name):
        strings[name] = try cursor.readString(body).string(in: body)
      case .number where names.contains(name):
        let text = try cursor.readNumber(body).range
        numbers[name] = Double(String(decoding: text.map { body.byte(at: $0) }, as: UTF8.self))
      case .boolean where names.contains(name):
        booleans[name] = try cursor.readBoolean(body)
      default: _ = try cursor.skipValue(body)
      }
    }
  }
}

extension RawSpan {
  fileprivate func byte(at offset: Int) -> UInt8 { unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self) }
}
