/// Examines eight bytes at a time in a 64-bit word. Generic SIMD operators were hundreds of times slower here.
///
/// Bytes are compared with Mycroft's test for zero. Borrows propagate towards higher bytes, so the lowest flag of a word is
/// right and later ones may be false: a search uses the lowest flag and then looks again.
enum ByteWord {
  /// A word whose bytes are all 1.
  static let ones: UInt64 = 0x0101_0101_0101_0101
  /// A word of the top bits of all bytes.
  static let tops: UInt64 = 0x8080_8080_8080_8080

  // The loads are not checked: the caller has compared the offset with an end that is inside of the bytes. Checks by
  // the span too would cost a third of the time of a scan.

  /// The eight bytes at `offset`, the first one lowest. Unchecked: all eight have to be inside of `bytes`.
  @inline(__always)
  static func load(_ bytes: RawSpan, _ offset: Int) -> UInt64 {
    unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self).littleEndian
  }

  /// The four bytes at `offset`, the first one lowest. Unchecked: all four have to be inside of `bytes`.
  @inline(__always)
  static func loadHalf(_ bytes: RawSpan, _ offset: Int) -> UInt32 {
    unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self).littleEndian
  }

  /// The byte at `offset`. Unchecked: it has to be inside of `bytes`.
  @inline(__always)
  static func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8 {
    unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
  }

  /// Flags the bytes of a word that equal `byte`; only the lowest flag is reliable.
  @inline(__always)
  static func matches(_ word: UInt64, _ byte: UInt8) -> UInt64 {
    let difference = word ^ (ones &* UInt64(byte))
    return (difference &- ones) & ~difference & tops
  }

  /// The index of the byte with the lowest flag.
  @inline(__always)
  static func index(_ flags: UInt64) -> Int { flags.trailingZeroBitCount >> 3 }

  /// The first quote or backslash in `offset..<end`, else `end`. The range has to be inside of `bytes`.
  static func firstQuoteOrBackslash(_ bytes: RawSpan, _ offset: Int, _ end: Int) -> Int {
    first(bytes, offset, end, UInt8(ascii: "\""), UInt8(ascii: "\\"))
  }

  /// The first CR or LF in `offset..<end`, else `end`. The range has to be inside of `bytes`.
  static func firstLineEnd(_ bytes: RawSpan, _ offset: Int, _ end: Int) -> Int {
    first(bytes, offset, end, 0x0A, 0x0D)
  }

  @inline(__always)
  private static func first(_ bytes: RawSpan, _ offset: Int, _ end: Int, _ one: UInt8, _ other: UInt8) -> Int {
    var offset = offset
    while end &- offset >= 8 {
      let word = load(bytes, offset)
      let flags = matches(word, one) | matches(word, other)
      if flags != 0 { return offset &+ index(flags) }
      offset &+= 8
    }
    while offset < end {
      let byte = byte(bytes, offset)
      if byte == one || byte == other { return offset }
      offset += 1
    }
    return end
  }

  /// The first CR or LF in `start..<end`, else `end`. Sets `hasUsageKey` when `"usage"`, quotes included, stands before it. The
  /// range has to be inside of `bytes`.
  ///
  /// Searches for the `g`, the rarest letter of the word in text and in the keys of engines' answers.
  static func firstLineEnd(_ bytes: RawSpan, _ start: Int, _ end: Int, _ hasUsageKey: inout Bool) -> Int {
    var offset = start
    while end &- offset >= 8 {
      let word = load(bytes, offset)
      let ends = matches(word, 0x0A) | matches(word, 0x0D)
      var letters = matches(word, UInt8(ascii: "g"))
      if ends | letters != 0 {
        // Those before the end of the line alone.
        if ends != 0 { letters &= (ends &- 1) & ~ends }
        while letters != 0 {
          if isUsageKey(bytes, offset &+ index(letters), start..<end) { hasUsageKey = true }
          letters &= letters &- 1
        }
        if ends != 0 { return offset &+ index(ends) }
      }
      offset &+= 8
    }
    while offset < end {
      let byte = byte(bytes, offset)
      if byte == 0x0A || byte == 0x0D { return offset }
      if isUsageKey(bytes, offset, start..<end) { hasUsageKey = true }
      offset += 1
    }
    return end
  }

  @inline(__always)
  private static func isUsageKey(_ bytes: RawSpan, _ letter: Int, _ range: Range<Int>) -> Bool {
    guard letter - 4 >= range.lowerBound, letter + 3 <= range.upperBound else { return false }
    // `"usa`, then `ge"`, lowest byte first.
    return loadHalf(bytes, letter - 4) == 0x6173_7522 && byte(bytes, letter) == UInt8(ascii: "g")
      && byte(bytes, letter + 1) == UInt8(ascii: "e") && byte(bytes, letter + 2) == UInt8(ascii: "\"")
  }
}
