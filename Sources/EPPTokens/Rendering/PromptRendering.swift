import EPPCore
import NIOCore

/// Finds the token ids of prompts by asking engines. Any thread may call it.
protocol PromptRendering: Sendable {
  /// Finds the tokens of a prompt. May go on after `finish`, with work for later prompts.
  ///
  /// - Parameter finish: Called once, with the tokens, or with nil when no engine gives them.
  func render(_ question: RenderQuestion, finish: (PromptTokens?) -> Void) async

  /// Discards what was learned about templates, after a prediction from token ids has proved wrong.
  func invalidate(now: MonotonicTime)
}

/// A prompt to be rendered.
struct RenderQuestion: Sendable {
  /// Identities and positions of the parts of `body`.
  let outline: PromptOutline
  /// The model's name in the request.
  let model: String
  /// The request's body.
  let body: ByteBuffer
  /// Engines that can be asked, in order of preference.
  let engines: [EndpointAddress]
}
