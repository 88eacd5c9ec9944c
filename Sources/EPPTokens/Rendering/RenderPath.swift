import EPPCore

/// Where an engine is asked for tokens.
enum RenderPath: String, Sendable, CaseIterable {
  /// Takes the very request. vLLM has it from 0.22 on; versions that know the flag --enable-scale-out serve it with this flag
  /// alone.
  case chatRender = "/v1/chat/completions/render"
  case completionRender = "/v1/completions/render"
  /// Every version of vLLM; SGLang has it for completions.
  case tokenize = "/tokenize"

  /// The path that takes the very request; nil for an API that has none.
  static func render(_ api: InferenceAPI) -> RenderPath? {
    switch api {
    case .chatCompletions: .chatRender
    case .completions: .completionRender
    default: nil
    }
  }
}
