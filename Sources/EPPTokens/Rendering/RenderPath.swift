import EPPCore

/// The path of an engine's API that returns the tokens of a prompt.
enum RenderPath: String, Sendable, CaseIterable {
  /// Takes the body of a chat completion. vLLM has it from 0.22 on; versions with the flag --enable-scale-out serve it only
  /// with this flag.
  case chatRender = "/v1/chat/completions/render"
  /// Takes the body of a completion; served where `chatRender` is.
  case completionRender = "/v1/completions/render"
  /// Takes messages or a prompt. Every version of vLLM has it; SGLang has it for completions.
  case tokenize = "/tokenize"

  /// The path that takes the unchanged body of a request; nil for an API that has none.
  static func render(_ api: InferenceAPI) -> RenderPath? {
    switch api {
    case .chatCompletions: .chatRender
    case .completions: .completionRender
    default: nil
    }
  }
}
