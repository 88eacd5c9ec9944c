/// Steps through JSON text in place: no tree, no copies, what is not asked for is checked and skipped.
///
/// Strict (RFC 8259): UTF-8, numbers, escapes and nesting are checked also in what is skipped. Strings are scanned eight
/// bytes at a time. Any bytes may be given to it; it never traps.
package struct JSONCursor {
  /// Brackets inside brackets; further ones are an error. No inference API comes near it.
  package static let maximumDepth = 128

  /// Where the next token begins, or white space before it.
  package private(set) var offset: Int
  private let end: Int

  /// A cursor over all of `bytes`, which every method has to be given again.
  package init(_ bytes: RawSpan) {
    offset = 0
    end = bytes.byteCount
  }

  /// A cursor over a part of the bytes.
  package init(_ range: Range<Int>) {
    offset = range.lowerBound
    end = range.upperBound
  }

  package enum Kind: Equatable {
    case object
    case array
    case string
    case number
    case boolean
    case null
  }

  // MARK: - Tokens

  @inline(__always)
  private func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8 {
    unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  @inline(__always)
  private mutating func skipWhiteSpace(_ bytes: RawSpan) {
    while offset < end {
      let next = byte(bytes, offset)
      guard next == 0x20 || next == 0x0A || next == 0x0D || next == 0x09 else { return }
      offset += 1
    }
  }

  /// The kind of the value that begins here.
  package mutating func peek(_ bytes: RawSpan) throws(JSONError) -> Kind {
    skipWhiteSpace(bytes)
    guard offset < end else { throw error(.unexpectedEnd) }
    switch byte(bytes, offset) {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "-"), 0x30...0x39: return .number
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

  private mutating func expect(_ bytes: RawSpan, _ character: UInt8) throws(JSONError) {
    skipWhiteSpace(bytes)
    guard offset < end else { throw error(.unexpectedEnd) }
    guard byte(bytes, offset) == character else { throw error(.unexpectedByte) }
    offset += 1
  }

  private func error(_ reason: JSONError.Reason) -> JSONError { JSONError(reason: reason, offset: offset) }

  // MARK: - Containers

  /// Enters an object or an array.
  package mutating func open(_ bytes: RawSpan, _ kind: Kind) throws(JSONError) {
    try expect(bytes, kind == .object ? UInt8(ascii: "{") : UInt8(ascii: "["))
  }

  /// Moves to the next member of an object: its key, with the value next; nil at the closing brace.
  ///
  /// - Parameter isFirst: whether this is the first call for the object; set to false.
  package mutating func nextMember(_ bytes: RawSpan, isFirst: inout Bool) throws(JSONError) -> JSONText? {
    guard try nextElement(bytes, UInt8(ascii: "}"), isFirst: &isFirst) else { return nil }
    let key = try readString(bytes)
    try expect(bytes, UInt8(ascii: ":"))
    return key
  }

  /// Moves to the next element of an array; false at the closing bracket.
  package mutating func nextElement(_ bytes: RawSpan, isFirst: inout Bool) throws(JSONError) -> Bool {
    try nextElement(bytes, UInt8(ascii: "]"), isFirst: &isFirst)
  }

  private mutating func nextElement(
    _ bytes: RawSpan, _ closing: UInt8, isFirst: inout Bool
  ) throws(JSONError) -> Bool {
    skipWhiteSpace(bytes)
    guard offset < end else { throw error(.unexpectedEnd) }
    if byte(bytes, offset) == closing {
      offset += 1
      return false
    }
    if !isFirst {
      guard byte(bytes, offset) == UInt8(ascii: ",") else { throw error(.unexpectedByte) }
      offset += 1
      skipWhiteSpace(bytes)
      guard offset < end else { throw error(.unexpectedEnd) }
      // A comma before the closing bracket.
      if byte(bytes, offset) == closing { throw error(.unexpectedByte) }
    }
    isFirst = false
    return true
  }

  // MARK: - Scalars

  /// Reads a string without unescaping it.
  package mutating func readString(_ bytes: RawSpan) throws(JSONError) -> JSONText {
    try expect(bytes, UInt8(ascii: "\""))
    let start = offset
    var hasEscapes = false
    while true {
      skipPlainBytes(bytes)
      guard offset < end else { throw error(.unexpectedEnd) }
      let next = byte(bytes, offset)
      if next == UInt8(ascii: "\"") {
        offset += 1
        return JSONText(range: start..<(offset - 1), hasEscapes: hasEscapes)
      }
      if next == UInt8(ascii: "\\") {
        hasEscapes = true
        try skipEscape(bytes)
      } else if next < 0x20 {
        throw error(.controlCharacter)
      } else {
        try skipMultibyte(bytes)
      }
    }
  }

  /// Moves over bytes that need no attention: ASCII but for quote, backslash and control characters. Eight at a time: a
  /// byte needs attention when it has the top bit, is below 0x20, or equals one of the two (Mycroft's zero-byte test).
  @inline(__always)
  private mutating func skipPlainBytes(_ bytes: RawSpan) {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let tops: UInt64 = 0x8080_8080_8080_8080
    while offset + 8 <= end {
      let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian
      let quote = word ^ (ones &* 0x22)
      let backslash = word ^ (ones &* 0x5C)
      let special =
        (word | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((word &- ones &* 0x20) & ~word))
        & tops
      if special != 0 {
        // Borrows run upward only, so the lowest flag is right.
        offset += special.trailingZeroBitCount >> 3
        return
      }
      offset += 8
    }
    while offset < end {
      let next = byte(bytes, offset)
      if next < 0x20 || next >= 0x80 || next == 0x22 || next == 0x5C { return }
      offset += 1
    }
  }

  private mutating func skipEscape(_ bytes: RawSpan) throws(JSONError) {
    guard offset + 1 < end else { throw error(.unexpectedEnd) }
    switch byte(bytes, offset + 1) {
    case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74:
      offset += 2
    case UInt8(ascii: "u"):
      guard offset + 6 <= end else { throw error(.unexpectedEnd) }
      for digit in 2..<6 where Self.hexValue(byte(bytes, offset + digit)) == nil { throw error(.invalidEscape) }
      offset += 6
    default:
      throw error(.invalidEscape)
    }
  }

  static func hexValue(_ digit: UInt8) -> UInt32? {
    switch digit {
    case 0x30...0x39: UInt32(digit - 0x30)
    case 0x41...0x46: UInt32(digit - 0x41 + 10)
    case 0x61...0x66: UInt32(digit - 0x61 + 10)
    default: nil
    }
  }

  /// One character of two to four bytes, shortest form, no surrogates (Unicode 15, table 3-7).
  private mutating func skipMultibyte(_ bytes: RawSpan) throws(JSONError) {
    let first = byte(bytes, offset)
    let count: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch first {
    case 0xC2...0xDF: count = 2
    case 0xE0: (count, second) = (3, 0xA0...0xBF)
    case 0xED: (count, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: count = 3
    case 0xF0: (count, second) = (4, 0x90...0xBF)
    case 0xF4: (count, second) = (4, 0x80...0x8F)
    case 0xF1...0xF3: count = 4
    default: throw error(.invalidUTF8)
    }
    guard offset + count <= end, second.contains(byte(bytes, offset + 1)) else { throw error(.invalidUTF8) }
    for index in 2..<max(2, count) where byte(bytes, offset + index) & 0xC0 != 0x80 { throw error(.invalidUTF8) }
    offset += count
  }

  /// Reads a number; its text is checked, its value is the caller's to make of the range.
  package mutating func readNumber(_ bytes: RawSpan) throws(JSONError) -> JSONNumber {
    skipWhiteSpace(bytes)
    let start = offset
    if offset < end, byte(bytes, offset) == UInt8(ascii: "-") { offset += 1 }
    let isNegative = offset > start
    var value: UInt64 = 0
    var isExact = true
    let firstDigit = offset
    while offset < end, (0x30...0x39).contains(byte(bytes, offset)) {
      let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, carried) = product.addingReportingOverflow(UInt64(byte(bytes, offset) - 0x30))
      if tooLarge || carried { isExact = false }
      value = sum
      offset += 1
    }
    guard offset > firstDigit else { throw error(.invalidNumber) }
    if byte(bytes, firstDigit) == 0x30, offset > firstDigit + 1 { throw error(.invalidNumber) }
    if offset < end, byte(bytes, offset) == UInt8(ascii: ".") {
      isExact = false
      offset += 1
      try skipDigits(bytes)
    }
    if offset < end, byte(bytes, offset) | 0x20 == UInt8(ascii: "e") {
      isExact = false
      offset += 1
      if offset < end, byte(bytes, offset) == UInt8(ascii: "+") || byte(bytes, offset) == UInt8(ascii: "-") {
        offset += 1
      }
      try skipDigits(bytes)
    }
    return JSONNumber(range: start..<offset, integer: isExact && !isNegative ? value : nil)
  }

  private mutating func skipDigits(_ bytes: RawSpan) throws(JSONError) {
    let start = offset
    while offset < end, (0x30...0x39).contains(byte(bytes, offset)) { offset += 1 }
    guard offset > start else { throw error(.invalidNumber) }
  }

  /// Reads `true` or `false`.
  package mutating func readBoolean(_ bytes: RawSpan) throws(JSONError) -> Bool {
    skipWhiteSpace(bytes)
    if offset < end, byte(bytes, offset) == UInt8(ascii: "t") {
      try skipWord(bytes, [0x74, 0x72, 0x75, 0x65])
      return true
    }
    try skipWord(bytes, [0x66, 0x61, 0x6C, 0x73, 0x65])
    return false
  }

  /// Reads `null`.
  package mutating func readNull(_ bytes: RawSpan) throws(JSONError) {
    skipWhiteSpace(bytes)
    try skipWord(bytes, [0x6E, 0x75, 0x6C, 0x6C])
  }

  private mutating func skipWord(_ bytes: RawSpan, _ word: [UInt8]) throws(JSONError) {
    guard offset + word.count <= end else { throw error(.unexpectedEnd) }
    for (index, letter) in word.enumerated() where byte(bytes, offset + index) != letter {
      throw error(.unexpectedByte)
    }
    offset += word.count
  }

  // MARK: - Skipping

  /// Moves over a value of any kind, checking it; its range. Nesting is counted, not recursed into.
  @discardableResult
  package mutating func skipValue(_ bytes: RawSpan) throws(JSONError) -> Range<Int> {
    skipWhiteSpace(bytes)
    let start = offset
    // One bit per open bracket: set for an object.
    var kinds: (UInt64, UInt64) = (0, 0)
    var depth = 0
    var isFirst = true
    while true {
      if depth > 0 {
        let isObject = (depth <= 64 ? kinds.0 >> UInt64(depth - 1) : kinds.1 >> UInt64(depth - 65)) & 1 == 1
        let hasNext =
          isObject
          ? try nextMember(bytes, isFirst: &isFirst) != nil : try nextElement(bytes, isFirst: &isFirst)
        if !hasNext {
          depth -= 1
          if depth == 0 { return start..<offset }
          isFirst = false
          continue
        }
      }
      let kind = try peek(bytes)
      switch kind {
      case .object, .array:
        guard depth < Self.maximumDepth else { throw error(.tooDeep) }
        let bit: UInt64 = kind == .object ? 1 : 0
        if depth < 64 {
          kinds.0 = kinds.0 & ~(1 << UInt64(depth)) | bit << UInt64(depth)
        } else {
          kinds.1 = kinds.1 & ~(1 << UInt64(depth - 64)) | bit << UInt64(depth - 64)
        }
        depth += 1
        offset += 1
        isFirst = true
      case .string: _ = try readString(bytes)
      case .number: _ = try readNumber(bytes)
      case .boolean: _ = try readBoolean(bytes)
      case .null: try readNull(bytes)
      }
      if depth == 0 { return start..<offset }
    }
  }
}
