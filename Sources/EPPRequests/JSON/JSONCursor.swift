/// Steps through JSON text in place: no tree, no copies; what is not asked for is checked and skipped.
///
/// Strict (RFC 8259): UTF-8, numbers, escapes and nesting are checked in what is skipped too. Any bytes may be given to
/// it. After an error the cursor stands at the byte at fault and is of no further use.
///
/// The cursor holds offsets only, and every method is given the bytes again, the same ones each time: a type that holds
/// a span needs lifetime annotations, which the language does not have in a settled form yet.
package struct JSONCursor: Sendable {
  /// Brackets inside brackets that are entered; further ones are an error. No inference API comes near it. What is skipped may
  /// be nested to any depth.
  package static let maximumDepth = 128

  /// What a value is, told by its first byte.
  package enum Kind: Equatable, Sendable {
    case object
    case array
    case string
    case number
    case boolean
    case null
  }

  /// Where the next token begins, or white space before it.
  package internal(set) var offset: Int
  /// Brackets that are open.
  var depth = 0
  let end: Int

  /// A cursor over all of `bytes`.
  package init(_ bytes: RawSpan) {
    offset = 0
    end = bytes.byteCount
  }

  /// A cursor over a part of the bytes.
  package init(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0, "a cursor cannot begin before its bytes")
    offset = range.lowerBound
    end = range.upperBound
  }

  // MARK: - Tokens

  /// Not checked: the caller has compared `offset` with `end`.
  @inline(__always)
  func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8 { ByteWord.byte(bytes, offset) }

  func error(_ reason: JSONError.Reason) -> JSONError { JSONError(reason: reason, offset: offset) }

  /// Every method comes by here first, so this is where `end` is held against the bytes: all loads rely on it.
  @inline(__always)
  mutating func skipWhiteSpace(_ bytes: RawSpan) {
    precondition(end <= bytes.byteCount, "a cursor was given other bytes than its own")
    while offset < end {
      let next = byte(bytes, offset)
      guard next <= 0x20, next == 0x20 || next == 0x0A || next == 0x0D || next == 0x09 else { return }
      offset += 1
    }
  }

  /// The kind of the value that begins here.
  @inline(__always)
  package mutating func peek(_ bytes: RawSpan) throws(JSONError) -> Kind {
    skipWhiteSpace(bytes)
    guard offset < end else { throw error(.unexpectedEnd) }
    switch byte(bytes, offset) {
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "-"), 0x30...0x39: return .number
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
    case UInt8(ascii: "n"): return .null
    default: throw error(.unexpectedByte)
    }
  }

  /// Fails when anything but white space follows.
  package mutating func finish(_ bytes: RawSpan) throws(JSONError) {
    skipWhiteSpace(bytes)
    guard offset == end else { throw error(.trailingBytes) }
  }

  @inline(__always)
  mutating func expect(_ bytes: RawSpan, _ character: UInt8) throws(JSONError) {
    skipWhiteSpace(bytes)
    guard offset < end else { throw error(.unexpectedEnd) }
    guard byte(bytes, offset) == character else { throw error(.unexpectedByte) }
    offset += 1
  }

  // MARK: - Containers

  /// Enters an object or an array.
  package mutating func open(_ bytes: RawSpan, _ kind: Kind) throws(JSONError) {
    skipWhiteSpace(bytes)
    guard depth < Self.maximumDepth else { throw error(.tooDeep) }
    try enter(bytes, kind)
  }

  /// The same at any depth.
  mutating func enter(_ bytes: RawSpan, _ kind: Kind) throws(JSONError) {
    try expect(bytes, kind == .object ? UInt8(ascii: "{") : UInt8(ascii: "["))
    depth += 1
  }

  /// Moves to the next member of an object: its key, with the value next; nil at the closing brace.
  ///
  /// - Parameter isFirst: whether this is the first call for the object; set to false.
  @inline(__always)
  package mutating func nextMember(_ bytes: RawSpan, isFirst: inout Bool) throws(JSONError) -> JSONText? {
    guard try nextItem(bytes, UInt8(ascii: "}"), &isFirst) else { return nil }
    let key = try readString(bytes)
    try expect(bytes, UInt8(ascii: ":"))
    return key
  }

  /// Moves to the next element of an array; false at the closing bracket.
  ///
  /// - Parameter isFirst: whether this is the first call for the array; set to false.
  @inline(__always)
  package mutating func nextElement(_ bytes: RawSpan, isFirst: inout Bool) throws(JSONError) -> Bool {
    try nextItem(bytes, UInt8(ascii: "]"), &isFirst)
  }

  @inline(__always)
  private mutating func nextItem(
    _ bytes: RawSpan, _ closing: UInt8, _ isFirst: inout Bool
  ) throws(JSONError) -> Bool {
    skipWhiteSpace(bytes)
    guard offset < end else { throw error(.unexpectedEnd) }
    let next = byte(bytes, offset)
    if next == closing {
      offset += 1
      depth -= 1
      return false
    }
    if isFirst {
      isFirst = false
      return true
    }
    guard next == UInt8(ascii: ",") else { throw error(.unexpectedByte) }
    offset += 1
    // A closing bracket behind the comma is no value and no key: whoever reads that finds it.
    return true
  }
}
