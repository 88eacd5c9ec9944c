import EPPRequests
import EPPTestKit
import Foundation
import Testing

/// Strings are looked at eight bytes at a time: every byte is seen at every place of a word.
@Suite struct JSONScanningTests {
  /// Neighbours that lie next to the bytes looked for, so that a borrow between them would show.
  private static let fillers: [UInt8] = [0x20, 0x21, 0x23, 0x5B, 0x5D, 0x7F]

  @Test(arguments: fillers) func aQuoteEndsAStringAtEveryPlace(_ filler: UInt8) throws {
    for before in 0...8 {
      for length in 0...20 {
        let space = [UInt8](repeating: 0x20, count: before)
        let bytes = space + [0x22] + [UInt8](repeating: filler, count: length) + [0x22, 0x20, 0x22]
        var cursor = unsafe JSONCursor(bytes.span.bytes)
        let text = try unsafe cursor.readString(bytes.span.bytes)
        #expect(text.range == (before + 1)..<(before + 1 + length))
        #expect(!text.hasEscapes)
        #expect(cursor.offset == before + length + 2)
      }
    }
  }

  @Test(arguments: fillers) func whatIsNotAllowedIsFoundAtEveryPlace(_ filler: UInt8) {
    for length in 1...20 {
      for index in 0..<length {
        var bytes = [0x22] + [UInt8](repeating: filler, count: length) + [0x22]
        for control in [UInt8(0x00), 0x01, 0x09, 0x0A, 0x1F] {
          bytes[1 + index] = control
          #expect(cursorError(bytes) == JSONError(reason: .controlCharacter, offset: 1 + index))
        }
        for lone in [UInt8(0x80), 0xA2, 0xDC, 0xFF] {
          bytes[1 + index] = lone
          #expect(cursorError(bytes) == JSONError(reason: .invalidUTF8, offset: 1 + index))
        }
        bytes.insert(UInt8(ascii: "\\"), at: 1 + index)
        bytes[2 + index] = UInt8(ascii: "n")
        #expect(cursorError(bytes) == nil)
        bytes[2 + index] = UInt8(ascii: "a")
        #expect(cursorError(bytes) == JSONError(reason: .invalidEscape, offset: 1 + index))
      }
    }
  }

  /// All first bytes, with further bytes on both sides of every bound of RFC 3629, against the standard library.
  @Test func utf8IsJudgedAsTheStandardLibraryJudgesIt() {
    let bounds: [UInt8] = [0x20, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE1, 0xFF]
    let later: [UInt8] = [0x20, 0x7F, 0x80, 0xBF, 0xC0]
    var different: [[UInt8]] = []
    for first in UInt8(0x80)...0xFF {
      for second in bounds {
        for third in later {
          for fourth in later {
            let sequence = [first, second, third, fourth]
            let isValid = String(validating: sequence, as: UTF8.self) != nil
            if (cursorError([0x22] + sequence + [0x22]) == nil) != isValid { different.append(sequence) }
          }
        }
      }
    }
    #expect(different.isEmpty)
  }

  /// Foundation refuses lone surrogates, so there are none in these strings.
  @Test(arguments: [31, 32, 33]) func textIsUnescapedAsFoundationDoes(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let pieces = [
      "a", "some plain text", "é", "天地", "😀", "\\n", "\\t", "\\r", "\\b", "\\f", "\\\"", "\\\\", "\\/", "\\u0041",
      "\\u00e9", "\\u07FF", "\\u0800", "\\uffff", "\\ud83d\\ude00", "\\uDBFF\\uDFFF", "\\u0000",
    ]
    for _ in 0..<1000 {
      let count = Int.random(in: 0...12, using: &generator)
      let text = "\"" + (0..<count).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined() + "\""
      let expected = try #require(
        JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed) as? String)
      #expect(try unescaped(text) == Array(expected.utf8), "\(text)")
    }
  }
}
