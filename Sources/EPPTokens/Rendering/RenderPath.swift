import EPPCore

/// Where an engine is asked for tokens.
enum RenderPath: String, Sendable, CaseIterable {
  /// vLLM from 0.22 on (from 0.31 on with --enable-scale-out): takes the very request.
  case chatRender = "/v1/chat/completions/render"
  case completionRender = "/v1/completions/render"
  /// Every version of vLLM; SGLang has it for completions.
  case tokenize = "/tokenize"

  /// The paths to try for a request, the best first.
  static func all(for api: InferenceAPI) -> [RenderPath] {
    switch api {
    case .chatCompletions: [.chatRender, .tokenize]
    case .completions: [.completionRender, .tokenize]
    default: []
    }
  }
}
