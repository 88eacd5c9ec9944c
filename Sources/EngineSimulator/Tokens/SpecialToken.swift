/// A token that stands for the structure of a chat. Its text is found wherever it stands, before text is cut into pieces.
///
/// The ids are those of Qwen's models. They are greater than 65,535, so that ids of every width occur in KV events.
package enum SpecialToken: UInt32, CaseIterable, Sendable {
  case endOfText = 151_643
  case startOfMessage = 151_644
  case endOfMessage = 151_645

  /// As it is written in a prompt.
  package var text: String {
    switch self {
    case .endOfText: "<|endoftext|>"
    case .startOfMessage: "<|im_start|>"
    case .endOfMessage: "<|im_end|>"
    }
  }
}
