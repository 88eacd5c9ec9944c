/// A token of the structure of a chat. Its text is recognised anywhere, before text is divided into pieces.
///
/// The ids are those of Qwen's models. They are greater than 65,535, so that KV events have ids of every width.
package enum SpecialToken: UInt32, CaseIterable, Sendable {
  case endOfText = 151_643
  case startOfMessage = 151_644
  case endOfMessage = 151_645

  /// The token's text in a prompt.
  package var text: String {
    switch self {
    case .endOfText: "<|endoftext|>"
    case .startOfMessage: "<|im_start|>"
    case .endOfMessage: "<|im_end|>"
    }
  }
}
