/// A string in JSON text, checked but not unescaped.
package struct JSONText: Equatable, Sendable {
  /// What stands between the quotes.
  package let range: Range<Int>
  /// Whether there is a backslash in it.
  package let hasEscapes: Bool

  /// The range with the quotes.
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

  /// Whether the unescaped text comes before another's, byte by byte.
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
