import EPPCore

/// Pieces of JSON text.
enum JSONString {
  /// A list of token ids.
  static func list(_ tokens: [UInt32]) -> String { "[\(tokens.map { String($0) }.joined(separator: ","))]" }

  /// A string with its quotes.
  static func quoted(_ string: String) -> String {
    var text: [UInt8] = []
    text.appendJSONString(string)
    return String(decoding: text, as: UTF8.self)
  }
}
