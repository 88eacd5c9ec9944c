import EPPRequests
import Testing

@Suite struct JSONCursorTests {
  @Test(arguments: [
    "null", "true", "false", "0", "-0", "12", "-1.5", "1e5", "1E+5", "1.25e-10", #""""#, #""a""#, "[]", "{}", " [ ] ",
    "\t{\r\n}",
    #"{"a":1}"#, #"{"a":{"b":[1,2,{"c":null}]},"d":"e"}"#, "[[],[[]],{}]", "123456789012345678901234567890",
    #""\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00""#, #""\ud800""#, #""é 天 😀""#, "\"\u{10FFFF}\u{800}\u{7FF}\"", "[1 , 2]",
    #"{"a" : 1 , "b":2}"#, #"{"a":1,"a":2}"#, "\"\u{7F}\"", "[0.0,10,-10]",
  ])
  func validTextIsAccepted(_ text: String) {
    #expect(cursorError(text) == nil)
  }

  @Test(arguments: [
    ("", JSONError.Reason.unexpectedEnd, 0), ("  ", .unexpectedEnd, 2), ("[", .unexpectedEnd, 1),
    ("[1", .unexpectedEnd, 2),
    ("[1,", .unexpectedEnd, 3), ("[1,]", .unexpectedByte, 3), ("[,1]", .unexpectedByte, 1),
    ("[1 2]", .unexpectedByte, 3),
    ("]", .unexpectedByte, 0), ("{1:2}", .unexpectedByte, 1), (#"{"a"}"#, .unexpectedByte, 4),
    (#"{"a":}"#, .unexpectedByte, 5), (#"{"a":1,}"#, .unexpectedByte, 7), (#"{"a":1"#, .unexpectedEnd, 6),
    (#"{"a":1]"#, .unexpectedByte, 6), ("[1}", .unexpectedByte, 2), ("tru", .unexpectedEnd, 0),
    ("trux", .unexpectedByte, 0),
    ("nulll", .trailingBytes, 4), ("fals", .unexpectedEnd, 1), ("falsy", .unexpectedByte, 1),
    ("NaN", .unexpectedByte, 0),
    ("Infinity", .unexpectedByte, 0), ("-", .unexpectedEnd, 1), ("-a", .invalidNumber, 1), ("01", .invalidNumber, 2),
    ("-01", .invalidNumber, 3), ("1.", .unexpectedEnd, 2), ("1.x", .invalidNumber, 2), ("1e", .unexpectedEnd, 2),
    ("1e+", .unexpectedEnd, 3), ("[1e-]", .invalidNumber, 4), (".5", .unexpectedByte, 0), ("+1", .unexpectedByte, 0),
    ("0x10", .trailingBytes, 1), ("1 1", .trailingBytes, 2), ("{}x", .trailingBytes, 2), ("'a'", .unexpectedByte, 0),
    (#""a"#, .unexpectedEnd, 2), (#""\"#, .unexpectedEnd, 1), (#""\u12"#, .unexpectedEnd, 1),
    (#""\x41""#, .invalidEscape, 1), (#""\u12g4""#, .invalidEscape, 1), ("\"a\nb\"", .controlCharacter, 2),
    ("\"\u{0}\"", .controlCharacter, 1), ("\"\u{1F}\"", .controlCharacter, 1), ("[1]//", .trailingBytes, 3),
    ("/**/1", .unexpectedByte, 0), ("\u{FEFF}1", .unexpectedByte, 0), ("\u{A0}1", .unexpectedByte, 0),
    ("[\u{C}1]", .unexpectedByte, 1),
  ])
  func invalidTextIsRefusedAtItsByte(_ text: String, _ reason: JSONError.Reason, _ offset: Int) {
    #expect(cursorError(text) == JSONError(reason: reason, offset: offset))
  }

  /// RFC 3629: every sequence that is not the shortest form of a scalar, in the middle and at the end of the bytes.
  @Test(
    arguments: [
      [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x20], [0xC2, 0xC2], [0xE0, 0x80, 0x80],
      [0xE0, 0x9F, 0xBF],
      [0xE1, 0x80], [0xE1, 0x80, 0x20], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80],
      [0xF0, 0x8F, 0xBF, 0xBF], [0xF1, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80],
      [0xF8, 0x88, 0x80, 0x80, 0x80],
      [0xFF], [0xFE],
    ] as [[UInt8]])
  func invalidUTF8IsRefused(_ sequence: [UInt8]) {
    for padding in 0...9 {
      let text = Array(repeating: UInt8(ascii: "a"), count: padding)
      #expect(cursorError([0x22] + text + sequence + text + [0x22])?.reason == .invalidUTF8)
      let atEnd = cursorError([0x22] + text + sequence)
      #expect(atEnd != nil)
    }
  }

  @Test func everyScalarIsAccepted() throws {
    var text = "\""
    for value in UInt32(0x20)...0x10FFFF {
      guard let scalar = Unicode.Scalar(value), scalar != "\"", scalar != "\\" else { continue }
      text.unicodeScalars.append(scalar)
    }
    text += "\""
    #expect(cursorError(text) == nil)
    #expect(try unescaped(text) == Array(text.utf8.dropFirst().dropLast()))
  }

  @Test func scalarsAreAcceptedRightAtTheEndOfTheString() {
    for scalar in ["\u{80}", "\u{7FF}", "\u{800}", "\u{FFFF}", "\u{E000}", "\u{D7FF}", "\u{10000}", "\u{10FFFF}"] {
      for padding in 0...9 {
        #expect(cursorError("\"" + String(repeating: "a", count: padding) + scalar + "\"") == nil)
      }
    }
  }

  @Test func whatIsSkippedMayBeNestedToAnyDepth() {
    func nested(_ depth: Int, _ open: String, _ close: String) -> String {
      String(repeating: open, count: depth) + String(repeating: close, count: depth)
    }
    #expect(cursorError(nested(JSONCursor.maximumDepth, "[", "]")) == nil)
    #expect(cursorError(nested(128, "[", "]")) == nil)
    // Nothing but memory limits what is skipped.
    #expect(cursorError(nested(129, "[", "]")) == nil)
    #expect(cursorError(nested(200_000, "[", "]")) == nil)
    #expect(cursorError(String(repeating: #"{"a":"#, count: 200_000))?.reason == .unexpectedEnd)
    #expect(cursorError(nested(100_000, "[", "]") + "]")?.reason == .trailingBytes)
    for depth in [64, 65, 128, 129, 1000] {
      let (open, close) = (String(repeating: "[{\"a\":", count: depth), String(repeating: "}]", count: depth))
      #expect(cursorError(open + "1" + close) == nil)
      #expect(cursorError(open + "1" + close.dropFirst()) != nil)
    }
    #expect(cursorError(String(repeating: "[{\"a\":", count: 64) + "1" + String(repeating: "}]", count: 64)) == nil)
    #expect(cursorError(String(repeating: "[{\"a\":", count: 64) + "1" + String(repeating: "]}", count: 64)) != nil)
  }

  @Test func aCursorOverAPartSeesOnlyThatPart() throws {
    let bytes = Array(#"xx [1,"a"] yy"#.utf8)
    var cursor = JSONCursor(2..<10)
    let range = try unsafe cursor.skipValue(bytes.span.bytes)
    #expect(range == 3..<10)
    #expect(throws: Never.self) { try unsafe cursor.finish(bytes.span.bytes) }
    var short = JSONCursor(2..<9)
    #expect(throws: JSONError(reason: .unexpectedEnd, offset: 9)) { try unsafe short.skipValue(bytes.span.bytes) }
  }

  @Test(
    arguments: [
      ("0", 0), ("7", 7), ("18446744073709551", 18_446_744_073_709_551),
      ("9999999999999999999", 9_999_999_999_999_999_999),
      ("99999999999999999999", nil), ("-1", nil), ("1.0", nil), ("1e2", nil), ("1E2", nil),
    ] as [(String, UInt64?)])
  func onlyPlainWholeNumbersHaveAValue(_ text: String, _ value: UInt64?) throws {
    let bytes = Array(text.utf8)
    var cursor = unsafe JSONCursor(bytes.span.bytes)
    let number = try unsafe cursor.readNumber(bytes.span.bytes)
    #expect(number == JSONNumber(range: 0..<bytes.count, integer: value))
  }

  @Test func aNumberOfAMillionDigitsIsRead() {
    #expect(cursorError(String(repeating: "9", count: 1_000_000)) == nil)
    #expect(
      cursorError("0." + String(repeating: "3", count: 1_000_000) + "e" + String(repeating: "9", count: 100_000)) == nil
    )
  }

  @Test(arguments: [
    (#""""#, ""), (#""plain""#, "plain"), (#""a\"b""#, "a\"b"), (#""\\\/\b\f\n\r\t""#, "\\/\u{8}\u{C}\n\r\t"),
    (#""\u0041\u00e9\u20AC""#, "Aé€"), (#""\uD83D\uDE00!""#, "😀!"), (#""\ud83d""#, "\u{FFFD}"),
    (#""\ud83dx""#, "\u{FFFD}x"), (#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"), (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
    (#""\ud83d\n""#, "\u{FFFD}\n"), (#""\u0000""#, "\0"),
    (#""12345678\n12345678\t1234567\\""#, "12345678\n12345678\t1234567\\"),
    (#""é\né""#, "é\né"), (#""\uFFFF\uDBFF\uDFFF""#, "\u{FFFF}\u{10FFFF}"),
  ])
  func escapesAreUndone(_ text: String, _ expected: String) throws {
    #expect(try unescaped(text) == Array(expected.utf8))
  }

  @Test func escapesAreUndoneAtEveryPlace() throws {
    for before in 0...20 {
      for after in 0...20 {
        let left = String(repeating: "l", count: before)
        let right = String(repeating: "r", count: after)
        #expect(try unescaped("\"\(left)\\n\(right)\"") == Array("\(left)\n\(right)".utf8))
        #expect(try unescaped("\"\(left)\\uD83D\\uDE00\(right)\\\"\"") == Array("\(left)😀\(right)\"".utf8))
      }
    }
  }

  @Test func escapedKeysEqualPlainOnes() throws {
    let bytes = Array(#"{"mod\u0065l":1,"m\u006fdel2":2,"\u006D\u006F\u0064\u0065\u006C":3}"#.utf8)
    var cursor = unsafe JSONCursor(bytes.span.bytes)
    try unsafe cursor.open(bytes.span.bytes, .object)
    var isFirst = true
    var equal: [Bool] = []
    while let key = try unsafe cursor.nextMember(bytes.span.bytes, isFirst: &isFirst) {
      let isEqual = unsafe key.equals("model", in: bytes.span.bytes)
      equal.append(isEqual)
      try unsafe cursor.skipValue(bytes.span.bytes)
    }
    #expect(equal == [true, false, true])
  }
}
