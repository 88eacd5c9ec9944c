/// A syntax error in JSON, with its position.
package struct JSONError: Error, Equatable, Sendable {
  /// The kind of error, with a text for the client.
  package enum Reason: String, Sendable {
    case unexpectedEnd = "it ends too early"
    case unexpectedByte = "unexpected character"
    case invalidNumber = "invalid number"
    case invalidEscape = "invalid escape"
    case invalidUTF8 = "invalid UTF-8"
    case controlCharacter = "control character in a string"
    case tooDeep = "a value that is read is nested more than 128 levels deep"
    case trailingBytes = "something follows the value"
  }

  /// The kind of error.
  package var reason: Reason
  /// The offset of the faulty byte, from 0.
  package var offset: Int

  /// An error at a byte.
  package init(reason: Reason, offset: Int) {
    self.reason = reason
    self.offset = offset
  }
}
