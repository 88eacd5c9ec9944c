/// The secret that requests which change something send: 32 random bytes as 64 hexadecimal digits.
package struct AdminToken: Sendable, Equatable {
  /// Length of the text in bytes.
  package static let length = 64

  /// The digits.
  package let text: String

  /// Makes a new token from the random numbers of the operating system.
  package init() {
    var generator = SystemRandomNumberGenerator()
    text = (0..<4).map { _ in
      let digits = String(UInt64.random(in: 0 ... .max, using: &generator), radix: 16)
      return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }.joined()
  }

  /// Reads a token; nil when the text is not 64 hexadecimal digits in lower case.
  package init?(_ text: some StringProtocol) {
    guard text.utf8.count == Self.length, text.utf8.allSatisfy({ Self.isDigit($0) }) else { return nil }
    self.text = String(text)
  }

  /// Returns whether a text is the token. The time that it takes depends on the text's length alone, so that it does not tell
  /// how much of a guess is right.
  package func isEqual(to offered: String) -> Bool {
    var difference: UInt8 = offered.utf8.count == Self.length ? 0 : 1
    for (own, other) in zip(text.utf8, offered.utf8) { difference |= own ^ other }
    return difference == 0
  }

  /// Compares all digits, as `isEqual` does.
  package static func == (left: Self, right: Self) -> Bool { left.isEqual(to: right.text) }

  private static func isDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, UInt8(ascii: "a")...UInt8(ascii: "f"): true
    default: false
    }
  }
}
