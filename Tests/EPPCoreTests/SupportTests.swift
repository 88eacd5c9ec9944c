import EPPCore
import Testing

@Suite struct SupportTests {
  @Test func theFoldedProductIsThatOfBothHalves() {
    #expect(foldedProduct(0, .max) == 0)
    #expect(foldedProduct(3, 5) == 15)
    #expect(foldedProduct(1 << 63, 4) == 2)
    #expect(foldedProduct(.max, .max) == .max)
  }

  /// The first numbers of the reference implementation for the seed 1234567.
  @Test func splitMixGivesTheNumbersOfItsReference() {
    var generator = SplitMix64(seed: 1_234_567)
    let numbers = (0..<3).map { _ in generator.next() }
    #expect(numbers == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
  }

  @Test(arguments: [
    ("", #""""#), ("plain é 😀", #""plain é 😀""#), (#"a"b\c"#, #""a\"b\\c""#), ("\n\r\t", #""\n\r\t""#),
    ("\u{1}\u{1F}\u{7F}", #""\u0001\u001f\u007f""#),
  ])
  func aJSONStringEscapesQuotesBackslashesAndControlCharacters(text: String, expected: String) {
    var bytes: [UInt8] = []
    bytes.appendJSONString(text)
    #expect(String(decoding: bytes, as: UTF8.self) == expected)
  }

  @Test func textOnOneLineKeepsQuotesAndBackslashes() {
    var bytes: [UInt8] = []
    bytes.appendOnOneLine("a\"b\\c\nd\u{7F}")
    #expect(String(decoding: bytes, as: UTF8.self) == #"a"b\c\nd\u007f"#)
  }
}
