/// Parses JSON text in place: no tree, no copies. Values that are not read are checked and skipped.
///
/// Strict (RFC 8259): UTF-8, numbers, escapes and nesting are checked in skipped values too. Accepts any bytes. After an error
/// the cursor stands at the faulty byte and cannot be used further.
///
/// The cursor holds offsets only, and every method takes the bytes as an argument, the same ones each time: a type that holds a
/// span needs lifetime annotations, which are not yet a stable part of the language.
package struct JSONCursor: Sendable {
  /// The deepest nesting of values that are read; deeper ones are an error. No inference API comes near it. Skipped values may
  /// be nested to any depth.
  package static let maximumDepth = 128

  /// The kind of a value, determined by its first byte.
  package enum Kind: Equatable, Sendable {
    case object
    case array
    case string
    case number
    case boolean
    case null
  }

  /// The offset of the next token, or of white space before it.
  package internal(set) var offset: Int
  /// The number of open brackets.
  var depth = 0
  /// The end of the range that is parsed.
  let end: Int

  /// A cursor over all of `bytes`.
  package init(_ bytes: RawSpan) {
    offset = 0
    end = bytes.byteCount
  }

  /// A cursor over a range of the bytes.
  package init(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0, "a cursor cannot begin before its bytes")
    offset = range.lowerBound
    end = range.upperBound
  }

  // MARK: - Tokens

  /// The byte at `offset`. Unchecked: the caller has compared `offset` with `end`.
  @inline(__always)
  func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8 { ByteWord.byte(bytes, offset) }

  /// An error at the current offset.
  func error(_ reason: JSONError.Reason) -> JSONError { JSONError(reason: reason, offset: offset) }

  /// Skips white space. Every method starts with it, so it is the place where `end` is checked against the bytes; all loads
  /// rely on that.
  @inline(__always)
  private mutating func skipWhiteSpace(_ bytes: RawSpan) {
    precondition(end <= bytes.byteCount, "a cursor was given other bytes than its own")
    while offset < end {
      let next = byte(bytes, offset)
      guard next <= 0x20, next == 0x20 || next == 0x0A || next == 0x0D || next == 0x09 else { return }
      offset += 1
    }
  }

  /// The kind of the next value.
  ///
  /// - Throws: at the end, or when no value begins with the next byte.
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

  /// Checks that nothing but white space follows.
  ///
  /// - Throws: `trailingBytes`.
  package mutating func finish(_ bytes: RawSpan) throws(JSONError) {
    skipWhiteSpace(bytes)
    guard offset == end else { throw error(.trailingBytes) }
  }

  /// Skips white space and one expected character.
  @inline(__always)
  mutating func expect(_ bytes: RawSpan, _ character: UInt8) throws(JSONError) {
    skipWhiteSpace(bytes)
    guard offset < end else { throw error(.unexpectedEnd) }
    guard byte(bytes, offset) == character else { throw error(.unexpectedByte) }
    offset += 1
  }

  // MARK: - Containers

  /// Enters an object or an array.
  ///
  /// - Throws: when another character follows, or beyond `maximumDepth`.
  package mutating func open(_ bytes: RawSpan, _ kind: Kind) throws(JSONError) {
    skipWhiteSpace(bytes)
    guard depth < Self.maximumDepth else { throw error(.tooDeep) }
    try enter(bytes, kind)
  }

  /// Enters an object or an array at any depth.
  private mutating func enter(_ bytes: RawSpan, _ kind: Kind) throws(JSONError) {
    try expect(bytes, kind == .object ? UInt8(ascii: "{") : UInt8(ascii: "["))
    depth += 1
  }

  /// Moves to the next member of an object and returns its key, with the value next; nil at the closing brace.
  ///
  /// - Parameter isFirst: true for the first call for the object; set to false.
  @inline(__always)
  package mutating func nextMember(_ bytes: RawSpan, isFirst: inout Bool) throws(JSONError) -> JSONText? {
    guard try nextItem(bytes, UInt8(ascii: "}"), &isFirst) else { return nil }
    let key = try readString(bytes)
    try expect(bytes, UInt8(ascii: ":"))
    return key
  }

  /// Moves to the next element of an array; false at the closing bracket.
  ///
  /// - Parameter isFirst: true for the first call for the array; set to false.
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

/// Numbers, booleans and null.
extension JSONCursor {
  /// Reads a number. Its syntax is checked; its value is computed when it is a whole number without a sign.
  @inline(__always)
  package mutating func readNumber(_ bytes: RawSpan) throws(JSONError) -> JSONNumber {
    skipWhiteSpace(bytes)
    let start = offset
    if offset < end, byte(bytes, offset) == UInt8(ascii: "-") { offset += 1 }
    let firstDigit = offset
    var value: UInt64 = 0
    while offset < end {
      let digit = byte(bytes, offset) &- 0x30
      guard digit <= 9 else { break }
      value = value &* 10 &+ UInt64(digit)
      offset &+= 1
    }
    let digits = offset - firstDigit
    guard digits > 0 else { throw error(offset < end ? .invalidNumber : .unexpectedEnd) }
    if digits > 1, byte(bytes, firstDigit) == 0x30 { throw error(.invalidNumber) }
    // 19 digits always fit into 64 bits.
    var isWhole = digits <= 19 && firstDigit == start
    if offset < end {
      let next = byte(bytes, offset)
      if next == UInt8(ascii: ".") || next | 0x20 == UInt8(ascii: "e") {
        isWhole = false
        try skipFraction(bytes)
      }
    }
    return JSONNumber(range: start..<offset, integer: isWhole ? value : nil)
  }

  /// Reads `,digits` without white space, after a number in an array, as long as the numbers are at most `UInt32.max`: the form
  /// in which clients send token ids. Stops before any other form, which the general methods then read.
  mutating func readFurtherIntegers(_ bytes: RawSpan, into numbers: inout [UInt32]) {
    while offset < end, byte(bytes, offset) == UInt8(ascii: ",") {
      let start = offset &+ 1
      var next = start
      var value: UInt64 = 0
      // No more than 10 digits, so nothing can overflow.
      while next < end, next &- start <= 10 {
        let digit = byte(bytes, next) &- 0x30
        guard digit <= 9 else { break }
        value = value &* 10 &+ UInt64(digit)
        next &+= 1
      }
      let digits = next &- start
      guard digits > 0, digits <= 10, value <= UInt64(UInt32.max), digits == 1 || byte(bytes, start) != 0x30,
        next < end, byte(bytes, next) == UInt8(ascii: ",") || byte(bytes, next) == UInt8(ascii: "]")
      else { return }
      numbers.append(UInt32(truncatingIfNeeded: value))
      offset = next
    }
  }

  private mutating func skipFraction(_ bytes: RawSpan) throws(JSONError) {
    if byte(bytes, offset) == UInt8(ascii: ".") {
      offset += 1
      try skipDigits(bytes)
    }
    guard offset < end, byte(bytes, offset) | 0x20 == UInt8(ascii: "e") else { return }
    offset += 1
    if offset < end, byte(bytes, offset) == UInt8(ascii: "+") || byte(bytes, offset) == UInt8(ascii: "-") {
      offset += 1
    }
    try skipDigits(bytes)
  }

  private mutating func skipDigits(_ bytes: RawSpan) throws(JSONError) {
    let start = offset
    while offset < end, byte(bytes, offset) &- 0x30 <= 9 { offset += 1 }
    guard offset > start else { throw error(offset < end ? .invalidNumber : .unexpectedEnd) }
  }

  /// Reads `true` or `false`.
  package mutating func readBoolean(_ bytes: RawSpan) throws(JSONError) -> Bool {
    skipWhiteSpace(bytes)
    if offset < end, byte(bytes, offset) == UInt8(ascii: "t") {
      try skipWord(bytes, 0x6575_7274)
      return true
    }
    try expect(bytes, UInt8(ascii: "f"))
    try skipWord(bytes, 0x6573_6C61)
    return false
  }

  /// Reads `null`.
  package mutating func readNull(_ bytes: RawSpan) throws(JSONError) {
    skipWhiteSpace(bytes)
    try skipWord(bytes, 0x6C6C_756E)
  }

  /// Skips four letters, given as a word with the first one lowest.
  private mutating func skipWord(_ bytes: RawSpan, _ letters: UInt32) throws(JSONError) {
    guard offset + 4 <= end else { throw error(.unexpectedEnd) }
    guard ByteWord.loadHalf(bytes, offset) == letters else { throw error(.unexpectedByte) }
    offset += 4
  }
}

/// Values that are not read.
extension JSONCursor {
  /// Skips and checks a value of any kind, and returns its range. Not recursive: nesting is tracked with one bit for each open
  /// bracket.
  @discardableResult
  package mutating func skipValue(_ bytes: RawSpan) throws(JSONError) -> Range<Int> {
    skipWhiteSpace(bytes)
    let start = offset
    let outside = depth
    var objects = NestingBits()
    var isFirst = true
    repeat {
      if depth > outside {
        let hasNext =
          objects[depth - 1]
          ? try nextMember(bytes, isFirst: &isFirst) != nil : try nextElement(bytes, isFirst: &isFirst)
        if !hasNext {
          isFirst = false
          continue
        }
      }
      let kind = try peek(bytes)
      switch kind {
      case .string: _ = try readString(bytes)
      case .number: _ = try readNumber(bytes)
      case .object, .array:
        try enter(bytes, kind)
        objects[depth - 1] = kind == .object
        isFirst = true
      case .boolean: _ = try readBoolean(bytes)
      case .null: try readNull(bytes)
      }
    } while depth > outside
    return start..<offset
  }

  /// One bit per open bracket: set for an object.
  private struct NestingBits {
    /// The bits of the 64 outermost brackets.
    private var first: UInt64 = 0
    /// The bits of all further brackets.
    private var others: [UInt64] = []

    subscript(depth: Int) -> Bool {
      get { (depth < 64 ? first : others[depth / 64 - 1]) >> UInt64(depth % 64) & 1 == 1 }
      set {
        let (mask, bit) = (UInt64(1) << UInt64(depth % 64), UInt64(newValue ? 1 : 0) << UInt64(depth % 64))
        if depth < 64 {
          first = first & ~mask | bit
        } else {
          while others.count < depth / 64 { others.append(0) }
          others[depth / 64 - 1] = others[depth / 64 - 1] & ~mask | bit
        }
      }
    }
  }
}

/// A number in JSON text, checked.
package struct JSONNumber: Equatable, Sendable {
  /// The range of its text.
  package var range: Range<Int>
  /// The value, when it is written without sign, fraction or exponent in at most 19 digits; else nil.
  package var integer: UInt64?

  /// A number with its range and value.
  package init(range: Range<Int>, integer: UInt64?) {
    self.range = range
    self.integer = integer
  }
}
