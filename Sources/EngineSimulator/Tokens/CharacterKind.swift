/// The kind of a character, for the rules of `PieceScanner`.
enum CharacterKind: Sendable {
  case letter
  case number
  /// White space that does not end a line.
  case space
  /// Carriage return and line feed.
  case newline
  /// Punctuation, symbols, marks, and bytes that are not UTF-8.
  case other
  /// The end of the text.
  case end

  /// Returns the kind of the character that begins at an offset, and its number of bytes. A byte that begins no UTF-8 character
  /// counts as a character of kind `other`.
  @inline(__always)
  static func read(_ text: [UInt8], at offset: Int, limit: Int) -> (kind: CharacterKind, count: Int) {
    guard offset < limit else { return (.end, 0) }
    switch text[offset] {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): return (.letter, 1)
    case UInt8(ascii: " "), 0x09, 0x0B, 0x0C: return (.space, 1)
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return (.number, 1)
    case 0x0A, 0x0D: return (.newline, 1)
    case 0x80...: return readBeyondASCII(text, at: offset, limit: limit)
    default: return (.other, 1)
    }
  }

  private static func readBeyondASCII(
    _ text: [UInt8], at offset: Int, limit: Int
  ) -> (kind: CharacterKind, count: Int) {
    var decoder = UTF8()
    var rest = text[offset..<min(limit, offset + 4)].makeIterator()
    guard case .scalarValue(let scalar) = decoder.decode(&rest) else { return (.other, 1) }
    let count = UTF8.width(scalar)
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return (.letter, count)
    case .decimalNumber, .letterNumber, .otherNumber: return (.number, count)
    case .spaceSeparator, .lineSeparator, .paragraphSeparator: return (.space, count)
    default: return (scalar == "\u{85}" ? .space : .other, count)
    }
  }
}
