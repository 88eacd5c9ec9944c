import EPPCore
import EPPRouting
import EPPTokens

/// The source of token ids for routing, backed by a `TokenSource`.
struct RequestTokens: PromptTokenSource {
  /// Finds the token ids.
  let source: TokenSource

  func tokens(
    of request: InferenceRequest, body: RawSpan, at endpoints: [EndpointAddress], wake: @escaping @Sendable () -> Void
  ) -> TokenAnswer {
    // Engines know the rewritten name of the model; the body has the client's name.
    guard request.targetModel == request.model else { return .unavailable }
    return switch source.tokens(api: request.api, body: body, at: endpoints, wake: wake) {
    case .known(let tokens): .known(tokens.ids)
    case .pending(let wait): .pending(PendingRequestTokens(wait: wait))
    case .unavailable: .unavailable
    }
  }

  func invalidate() { source.invalidate() }
}

/// The wait of a request for its token ids.
private final class PendingRequestTokens: PendingTokens {
  private let wait: TokenWait

  init(wait: TokenWait) { self.wait = wait }

  var result: [UInt32]? { wait.result?.ids }

  func cancel() { wait.cancel() }
}
