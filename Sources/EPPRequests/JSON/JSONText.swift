/// A string in JSON text, checked but not unescaped.
package struct JSONText: Equatable, Sendable {
  /// The byte range between the quotes.
  package let range: Range<Int>
  /// Whether the range contains a backslash.
  package let hasEscapes: Bool

  /// The byte range with the quotes.
  package var quotedRange: Range<Int> { (range.lowerBound - 1)..<(range.upperBound + 1) }

  /// Whether the unescaped text equals a word.
  package func equals(_ word: String, in bytes: RawSpan) -> Bool {
    let letters = word.utf8
    if hasEscapes {
      // An escape takes six bytes at most for one of text, so what is longer is another word: that bounds the copy.
      guard range.count <= 6 * letters.count else { return false }
      var text: [UInt8] = []
      append(from: bytes, to: &text)
      return text.elementsEqual(letters)
    }
    guard range.count == letters.count else { return false }
    precondition(range.upperBound <= bytes.byteCount, "a text was given other bytes than its own")
    var offset = range.lowerBound
    for letter in letters {
      guard ByteWord.byte(bytes, offset) == letter else { return false }
      offset += 1
    }
    return true
  }

  /// Whether the unescaped text comes before another text in byte order.
  func precedes(_ other: JSONText, in bytes: RawSpan) -> Bool {
    if hasEscapes || other.hasEscapes {
      var text: [UInt8] = []
      append(from: bytes, to: &text)
      var otherText: [UInt8] = []
      other.append(from: bytes, to: &otherText)
      return text.lexicographicallyPrecedes(otherText)
    }
    precondition(max(range.upperBound, other.range.upperBound) <= bytes.byteCount, "texts of other bytes")
    for index in 0..<min(range.count, other.range.count) {
      let byte = ByteWord.byte(bytes, range.lowerBound + index)
      let otherByte = ByteWord.byte(bytes, other.range.lowerBound + index)
      if byte != otherByte { return byte < otherByte }
    }
    return range.count < other.range.count
  }

  /// The unescaped text.
  package func string(in bytes: RawSpan) -> String {
    var text: [UInt8] = []
    append(from: bytes, to: &text)
    return String(decoding: text, as: UTF8.self)
  }
}

/// Unescaping.
extension JSONText {
  /// Appends the unescaped text to `output`. A surrogate without its partner becomes U+FFFD.
  ///
  /// The escaped text is appended first, because no escape is shorter than the character it stands for, and then overwritten in
  /// place.
  package func append(from bytes: RawSpan, to output: inout [UInt8]) {
    let source = bytes.extracting(range)
    let start = output.count
    unsafe source.withUnsafeBytes { unsafe output.append(contentsOf: $0) }
    guard hasEscapes else { return }
    let end: Int
    do {
      var span = output.mutableSpan
      var target = unsafe span.mutableBytes
      end = Self.unescape(source, into: &target, at: start)
    }
    output.removeLast(output.count - end)
  }

  /// Writes the unescaped `source` into `target` from `start` on and returns the end. `target` has room for all bytes of the
  /// source, and writing is never ahead of reading.
  private static func unescape(_ source: RawSpan, into target: inout MutableRawSpan, at start: Int) -> Int {
    let count = source.byteCount
    var read = 0
    var write = start
    while read < count {
      if count &- read >= 8 {
        // Stored before it is known how much of it is right: the rest is written over.
        let word = ByteWord.load(source, read)
        unsafe target.storeBytes(of: word.littleEndian, toUncheckedByteOffset: write, as: UInt64.self)
        let flags = ByteWord.matches(word, UInt8(ascii: "\\"))
        if flags == 0 {
          read &+= 8
          write &+= 8
          continue
        }
        read &+= ByteWord.index(flags)
        write &+= ByteWord.index(flags)
      } else {
        let byte = ByteWord.byte(source, read)
        if byte != UInt8(ascii: "\\") {
          unsafe target.storeBytes(of: byte, toUncheckedByteOffset: write, as: UInt8.self)
          read &+= 1
          write &+= 1
          continue
        }
      }
      // The cursor has checked that the escape is whole.
      if ByteWord.byte(source, read + 1) == UInt8(ascii: "u") {
        write += store(scalar(source, &read), into: &target, at: write)
      } else {
        unsafe target.storeBytes(
          of: character(ByteWord.byte(source, read + 1)), toUncheckedByteOffset: write, as: UInt8.self)
        read &+= 2
        write &+= 1
      }
    }
    return write
  }

  @inline(__always)
  private static func character(_ letter: UInt8) -> UInt8 {
    // Quote, backslash and slash stand for themselves, and nearly all others are line ends.
    if letter < 0x60 { return letter }
    if letter == UInt8(ascii: "n") { return 0x0A }
    return switch letter {
    case UInt8(ascii: "t"): 0x09
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0C
    default: letter
    }
  }

  /// The scalar of the `\u` escape at `read`, or of a surrogate pair of escapes; moves `read` to the end of the escape.
  private static func scalar(_ source: RawSpan, _ read: inout Int) -> UInt32 {
    let unit = codeUnit(source, read)
    read += 6
    guard (0xD800...0xDFFF).contains(unit) else { return unit }
    if unit < 0xDC00, read + 6 <= source.byteCount, ByteWord.byte(source, read) == UInt8(ascii: "\\"),
      ByteWord.byte(source, read + 1) == UInt8(ascii: "u")
    {
      let low = codeUnit(source, read)
      if (0xDC00...0xDFFF).contains(low) {
        read += 6
        return 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
      }
    }
    return 0xFFFD
  }

  private static func codeUnit(_ source: RawSpan, _ offset: Int) -> UInt32 {
    var value: UInt32 = 0
    for digit in 2..<6 { value = value << 4 | (JSONCursor.hexValue(ByteWord.byte(source, offset + digit)) ?? 0) }
    return value
  }

  /// Stores a scalar as UTF-8 and returns its number of bytes.
  private static func store(_ scalar: UInt32, into target: inout MutableRawSpan, at offset: Int) -> Int {
    let count = scalar < 0x80 ? 1 : scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4
    for index in 0..<count {
      let bits = UInt8(truncatingIfNeeded: scalar >> UInt32(6 * (count - 1 - index)))
      let byte: UInt8 =
        switch (index, count) {
        case (0, 1): bits
        case (0, 2): 0xC0 | bits
        case (0, 3): 0xE0 | bits
        case (0, _): 0xF0 | bits
        default: 0x80 | bits & 0x3F
        }
      unsafe target.storeBytes(of: byte, toUncheckedByteOffset: offset + index, as: UInt8.self)
    }
    return count
  }
}
