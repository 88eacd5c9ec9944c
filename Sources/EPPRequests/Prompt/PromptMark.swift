/// Bytes that cannot occur in UTF-8 text. They separate the parts of a canonical prompt, so that no client's text can imitate
/// another structure.
///
/// A chat is `tools`? `system`? (`message` role `content` content others)*. Content is a text, or parts, each with its mark
/// except a leading text; a single value is equal to a list with that value. A value is JSON without white space, with `quote`
/// on both sides of unescaped strings.
enum PromptMark {
  /// Before the tools, a value.
  static let tools: UInt8 = 0xFC
  /// Before the system text or the instructions.
  static let system: UInt8 = 0xFB
  /// Before a message.
  static let message: UInt8 = 0xFF
  /// Between a message's role and its content.
  static let content: UInt8 = 0xFE
  /// Before a text part that is not the first part.
  static let text: UInt8 = 0xFD
  /// Before a value: a tool call, an image.
  static let value: UInt8 = 0xF9
  /// Before the name of a further member of a message, whose value follows.
  static let member: UInt8 = 0xF8
  /// On both sides of a string in a value.
  static let quote: UInt8 = 0xFA
  /// Before the 16 bytes of a digest, instead of a string in a value.
  static let digest: UInt8 = 0xF7
}
