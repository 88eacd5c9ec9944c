/// Recognises error events in a stream. In each API they begin with a member that identifies them.
enum ErrorEvent {
  /// Whether an event with this beginning may be an error; nearly all others begin with `{"id"`.
  @inline(__always)
  static func mayBegin(_ bytes: RawSpan, _ range: Range<Int>) -> Bool {
    guard range.count > 2 else { return true }
    guard ByteWord.byte(bytes, range.lowerBound) == UInt8(ascii: "{") else { return false }
    let second = ByteWord.byte(bytes, range.lowerBound + 1)
    guard second == UInt8(ascii: "\"") else { return second <= 0x20 }
    let letter = ByteWord.byte(bytes, range.lowerBound + 2)
    return letter == UInt8(ascii: "e") || letter == UInt8(ascii: "o") || letter == UInt8(ascii: "t")
  }

  /// Whether an object with this beginning is an error: its first member is an `error` that is not null, or an `object` or
  /// `type` with the value `error`.
  static func isError(_ bytes: RawSpan) -> Bool {
    var cursor = JSONCursor(bytes)
    var isFirst = true
    do {
      guard try cursor.peek(bytes) == .object else { return false }
      try cursor.open(bytes, .object)
      guard let key = try cursor.nextMember(bytes, isFirst: &isFirst) else { return false }
      let kind = try cursor.peek(bytes)
      if key.equals("error", in: bytes) { return kind != .null }
      guard key.equals("object", in: bytes) || key.equals("type", in: bytes), kind == .string else { return false }
      return try cursor.readString(bytes).equals("error", in: bytes)
    } catch {
      return false
    }
  }
}
