/// Bytes that cannot be in UTF-8 text: they keep the parts of a canonical prompt apart, so that no client's text can
/// pass for another structure.
///
/// A chat is `tools`? `system`? (`message` role `content` content others)*. Content is the first text, or parts of
/// which each but a leading text has its mark; a lone value is the same as a list of it. A value is JSON without white
/// space, with `quote` on both sides of unescaped strings.
enum PromptMark {
  /// Before the tools, a value.
  static let tools: UInt8 = 0xFC
  /// Before the system's text or the instructions.
  static let system: UInt8 = 0xFB
  /// Before a message.
  static let message: UInt8 = 0xFF
  /// Between a message's role and its content.
  static let content: UInt8 = 0xFE
  /// Before a part of text that is not the first part.
  static let text: UInt8 = 0xFD
  /// Before a value: a tool call, an image.
  static let value: UInt8 = 0xF9
  /// Before the name of a message's further member, whose value follows.
  static let member: UInt8 = 0xF8
  /// On both sides of a string in a value.
  static let quote: UInt8 = 0xFA
  /// Before the 16 bytes of a digest, instead of a string in a value.
  static let digest: UInt8 = 0xF7
}
