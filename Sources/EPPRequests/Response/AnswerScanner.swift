package import EPPCore

/// Reads token counts from an answer in the format of the request's API, piece by piece, in bounded memory.
package struct AnswerScanner: Sendable {
  // One of the two. Fields and no enum with values: a piece is scanned in place, nothing is moved.
  private var text: UsageScanner?
  private var messages: VLLMGRPCUsage?

  /// A scanner for one answer.
  ///
  /// - Parameters:
  ///   - api: the API of the request.
  ///   - isEventStream: whether the answer is `text/event-stream`.
  package init(_ api: InferenceAPI, isEventStream: Bool) {
    if api.isGRPC {
      messages = VLLMGRPCUsage(isEmbedding: api == .vllmGRPCEmbed)
    } else {
      text = UsageScanner(isEventStream ? .eventStream : .json)
    }
  }

  /// The counts reported so far; nil when nothing was reported, as in errors.
  package var usage: TokenUsage? { text?.usage ?? messages?.usage }

  /// Whether a token has arrived.
  package var hasFirstToken: Bool { text?.hasFirstToken ?? messages?.hasMessage ?? false }

  /// Whether an event or a message has reported an error.
  package var hasError: Bool { text?.hasError ?? messages?.hasError ?? false }

  /// Scans the next piece of the body.
  package mutating func feed(_ bytes: RawSpan) {
    text?.feed(bytes)
    messages?.feed(bytes)
  }
}
