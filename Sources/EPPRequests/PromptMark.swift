/// Bytes that cannot be in UTF-8 text: they keep the parts of a canonical prompt apart, so that no client's text can
/// pass for another structure.
enum PromptMark {
  /// Before a message.
  static let message: UInt8 = 0xFF
  /// Between a message's role and its content.
  static let content: UInt8 = 0xFE
  /// Before a part that is not text: an image, a tool call.
  static let part: UInt8 = 0xFD
  /// Before tools and before the system's text.
  static let head: UInt8 = 0xFC
}
