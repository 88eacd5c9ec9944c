import EPPCore
import NIOCore

/// Finds the token ids of prompts by asking engines. Any thread may call it.
protocol PromptRendering: Sendable {
  /// Finds the tokens of a prompt.
  ///
  /// - Parameter finish: called once, as soon as the answer is there, with nil when there is none; what is done after it is for
  ///   later prompts.
  func render(_ question: RenderQuestion, finish: (PromptTokens?) -> Void) async

  /// A prediction that rests on tokens has proved wrong: shortcuts have to prove right again.
  func invalidate(now: MonotonicTime)
}

/// A prompt to be rendered.
struct RenderQuestion: Sendable {
  let outline: PromptOutline
  let model: String
  let body: ByteBuffer
  /// Who can be asked, the first ones first.
  let engines: [EndpointAddress]
}
