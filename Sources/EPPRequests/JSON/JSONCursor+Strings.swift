/// Strings: scanned eight bytes at a time, checked, not unescaped.
extension JSONCursor {
  /// Reads a string without unescaping it.
  ///
  /// - Throws: when there is no valid string: unexpected end, wrong character, invalid escape or UTF-8.
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

  /// Skips ASCII other than quotes, backslashes and control characters.
  @inline(__always)
  private mutating func skipPlainBytes(_ bytes: RawSpan) {
    while end &- offset >= 8 {
      let word = ByteWord.load(bytes, offset)
      let quote = word ^ (ByteWord.ones &* 0x22)
      let backslash = word ^ (ByteWord.ones &* 0x5C)
      // The top bit stands for itself; the others are tests for equality and for less than 0x20.
      let flags =
        (word | ((quote &- ByteWord.ones) & ~quote) | ((backslash &- ByteWord.ones) & ~backslash)
          | ((word &- ByteWord.ones &* 0x20) & ~word)) & ByteWord.tops
      if flags != 0 {
        offset &+= ByteWord.index(flags)
        return
      }
      offset &+= 8
    }
    while offset < end {
      let next = byte(bytes, offset)
      if next < 0x20 || next >= 0x80 || next == 0x22 || next == 0x5C { return }
      offset += 1
    }
  }

  @inline(__always)
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

  /// The value of an ASCII hexadecimal digit; nil for other bytes.
  static func hexValue(_ digit: UInt8) -> UInt32? {
    switch digit {
    case 0x30...0x39: UInt32(digit - 0x30)
    case 0x41...0x46: UInt32(digit - 0x41 + 10)
    case 0x61...0x66: UInt32(digit - 0x61 + 10)
    default: nil
    }
  }

  /// Skips consecutive characters of two to four bytes. Shortest form, no surrogates (Unicode 15, table 3-7).
  private mutating func skipMultibyte(_ bytes: RawSpan) throws(JSONError) {
    while end &- offset >= 4 {
      // Four bytes, first one lowest: masks pick the marks of each form, then the payload bits that rule out longer
      // forms.
      let word = ByteWord.loadHalf(bytes, offset)
      if word & 0x80 == 0 { return }
      if word & 0x00C0_C0F0 == 0x0080_80E0, word & 0x200F != 0, word & 0x200F != 0x200D {
        offset &+= 3
      } else if word & 0xC0E0 == 0x80C0, word & 0x1E != 0 {
        offset &+= 2
      } else if word & 0xC0C0_C0F8 == 0x8080_80F0, word & 0x3007 != 0, word & 0x04 == 0 || word & 0x3003 == 0 {
        offset &+= 4
      } else {
        throw error(.invalidUTF8)
      }
    }
    while offset < end, byte(bytes, offset) >= 0x80 { try skipLastMultibyte(bytes) }
  }

  /// Skips one multibyte character where fewer than four bytes are left.
  private mutating func skipLastMultibyte(_ bytes: RawSpan) throws(JSONError) {
    let count: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch byte(bytes, offset) {
    case 0xC2...0xDF: count = 2
    case 0xE0: (count, second) = (3, 0xA0...0xBF)
    case 0xED: (count, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: count = 3
    default: throw error(.invalidUTF8)
    }
    guard offset + count <= end, second.contains(byte(bytes, offset + 1)) else { throw error(.invalidUTF8) }
    if count == 3, byte(bytes, offset + 2) & 0xC0 != 0x80 { throw error(.invalidUTF8) }
    offset += count
  }
}
