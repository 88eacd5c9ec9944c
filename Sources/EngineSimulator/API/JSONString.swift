import EPPCore

/// Writes values in JSON.
enum JSONString {
  /// Returns an array of token ids.
  static func list(_ tokens: [UInt32]) -> String { "[\(tokens.map { String($0) }.joined(separator: ","))]" }

  /// Returns a string with quotes and escapes.
  static func quoted(_ string: String) -> String {
    var text: [UInt8] = []
    text.appendJSONString(string)
    return String(decoding: text, as: UTF8.self)
  }
}
