extension [UInt8] {
  /// Appends a JSON string with its quotes (RFC 8259 section 7): quotation marks, backslashes and control characters are
  /// escaped.
  package mutating func appendJSONString(_ text: String) {
    append(UInt8(ascii: "\""))
    appendEscapingControls(text, isQuoted: true)
    append(UInt8(ascii: "\""))
  }

  /// Appends text on one line, without quotes: control characters are escaped as in JSON, quotation marks and backslashes are
  /// not.
  package mutating func appendOnOneLine(_ text: String) { appendEscapingControls(text, isQuoted: false) }

  /// Also escapes DEL, which JSON allows unescaped and terminals interpret.
  private mutating func appendEscapingControls(_ text: String, isQuoted: Bool) {
    let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && !(isQuoted && ($0 == 0x22 || $0 == 0x5C)) }
    if isPlain { return append(contentsOf: text.utf8) }
    for byte in text.utf8 {
      switch byte {
      case 0x22 where isQuoted, 0x5C where isQuoted:
        append(0x5C)
        append(byte)
      case 0x0A: append(contentsOf: #"\n"#.utf8)
      case 0x0D: append(contentsOf: #"\r"#.utf8)
      case 0x09: append(contentsOf: #"\t"#.utf8)
      case 0x00..<0x20, 0x7F:
        append(contentsOf: #"\u00"#.utf8)
        append(Self.hexDigit(byte >> 4))
        append(Self.hexDigit(byte & 0xF))
      default: append(byte)
      }
    }
  }

  private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}
