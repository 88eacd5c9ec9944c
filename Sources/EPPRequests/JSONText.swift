/// A string in JSON text, between its quotes, checked but not unescaped.
package struct JSONText: Equatable, Sendable {
  package var range: Range<Int>
  package var hasEscapes: Bool

  /// The range with the quotes.
  package var quotedRange: Range<Int> { (range.lowerBound - 1)..<(range.upperBound + 1) }

  /// Appends the unescaped text. A surrogate without its partner becomes U+FFFD.
  package func append(from bytes: RawSpan, to output: inout [UInt8]) {
    guard hasEscapes else {
      unsafe bytes.extracting(range).withUnsafeBytes { unsafe output.append(contentsOf: $0) }
      return
    }
    var offset = range.lowerBound
    while offset < range.upperBound {
      let run = offset
      offset = nextBackslash(bytes, offset)
      if run < offset { unsafe bytes.extracting(run..<offset).withUnsafeBytes { unsafe output.append(contentsOf: $0) } }
      if offset < range.upperBound { offset = appendEscape(bytes, offset, &output) }
    }
  }

  /// The next backslash from `offset` on, or the end; eight bytes at a time.
  private func nextBackslash(_ bytes: RawSpan, _ offset: Int) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    var offset = offset
    while offset + 8 <= range.upperBound {
      let word =
        unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian ^ (ones &* 0x5C)
      let found = (word &- ones) & ~word & 0x8080_8080_8080_8080
      if found != 0 { return offset + (found.trailingZeroBitCount >> 3) }
      offset += 8
    }
    while offset < range.upperBound, byte(bytes, offset) != UInt8(ascii: "\\") { offset += 1 }
    return offset
  }

  /// Whether the unescaped text equals an ASCII word.
  package func equals(_ word: StaticString, in bytes: RawSpan) -> Bool {
    let count = word.utf8CodeUnitCount
    if !hasEscapes {
      guard range.count == count else { return false }
      return word.withUTF8Buffer { expected in
        for index in 0..<count where unsafe expected[index] != byte(bytes, range.lowerBound + index) { return false }
        return true
      }
    }
    var text: [UInt8] = []
    append(from: bytes, to: &text)
    return word.withUTF8Buffer { unsafe text.elementsEqual($0) }
  }

  /// The unescaped text.
  package func string(in bytes: RawSpan) -> String {
    if !hasEscapes { return unsafe bytes.extracting(range).withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) } }
    var text: [UInt8] = []
    append(from: bytes, to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  @inline(__always)
  private func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8 {
    unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  /// Appends the character of the escape at `offset`; where the next one begins. The cursor has checked the form.
  private func appendEscape(_ bytes: RawSpan, _ offset: Int, _ output: inout [UInt8]) -> Int {
    switch byte(bytes, offset + 1) {
    case UInt8(ascii: "b"): output.append(0x08)
    case UInt8(ascii: "f"): output.append(0x0C)
    case UInt8(ascii: "n"): output.append(0x0A)
    case UInt8(ascii: "r"): output.append(0x0D)
    case UInt8(ascii: "t"): output.append(0x09)
    case UInt8(ascii: "u"): return appendUnicode(bytes, offset, &output)
    case let other: output.append(other)
    }
    return offset + 2
  }

  private func appendUnicode(_ bytes: RawSpan, _ offset: Int, _ output: inout [UInt8]) -> Int {
    let unit = codeUnit(bytes, offset)
    var next = offset + 6
    var scalar = unit
    if (0xD800...0xDBFF).contains(unit), next + 6 <= range.upperBound, byte(bytes, next) == UInt8(ascii: "\\"),
      byte(bytes, next + 1) == UInt8(ascii: "u")
    {
      let low = codeUnit(bytes, next)
      if (0xDC00...0xDFFF).contains(low) {
        scalar = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
        next += 6
      }
    }
    output.append(contentsOf: String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
    return next
  }

  private func codeUnit(_ bytes: RawSpan, _ offset: Int) -> UInt32 {
    var value: UInt32 = 0
    for digit in 2..<6 { value = value << 4 | (JSONCursor.hexValue(byte(bytes, offset + digit)) ?? 0) }
    return value
  }
}

/// A number in JSON text.
package struct JSONNumber: Equatable, Sendable {
  package var range: Range<Int>
  /// The value, when it is written as a whole number without sign, fraction or exponent and fits.
  package var integer: UInt64?
}
