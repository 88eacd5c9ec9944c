/// Why bytes are not JSON, and where.
package struct JSONError: Error, Equatable, Sendable {
  package enum Reason: String, Sendable {
    case unexpectedEnd = "it ends too early"
    case unexpectedByte = "unexpected character"
    case invalidNumber = "invalid number"
    case invalidEscape = "invalid escape"
    case invalidUTF8 = "invalid UTF-8"
    case controlCharacter = "control character in a string"
    case tooDeep = "nested too deeply"
    case trailingBytes = "something follows the value"
  }

  package var reason: Reason
  /// Offset of the byte.
  package var offset: Int
}
