package import EPPCore

/// Finds the token ids of texts. Any thread may call it; no method waits.
package protocol PromptTokenSource: Sendable {
  /// Looks for the token ids that the engines make of a request's prompt.
  ///
  /// - Parameters:
  ///   - request: the parsed body.
  ///   - body: the whole body of the request.
  ///   - endpoints: engines that can be asked, in order of preference.
  ///   - wake: called at most once, on any thread, when a pending result is there, and never after its `cancel`.
  func tokens(
    of request: InferenceRequest, body: RawSpan, at endpoints: [EndpointAddress], wake: @escaping @Sendable () -> Void
  ) -> TokenAnswer
  /// Forgets known token ids, because a prediction that rests on some has proved wrong.
  func invalidate()
}

/// The result of a look-up of token ids.
package enum TokenAnswer: Sendable {
  /// The token ids.
  case known([UInt32])
  /// An engine has been asked.
  case pending(any PendingTokens)
  /// There are no token ids for this request, or not at present.
  case unavailable
}

/// Token ids that an engine has been asked for. Any thread may use it.
package protocol PendingTokens: AnyObject, Sendable {
  /// The token ids; nil until they arrive, and when they cannot be had.
  var result: [UInt32]? { get }
  /// Gives up waiting; `wake` is not called after this has returned.
  func cancel()
}

/// A request that waits before it is routed. It is resumed once, or cancelled. Any thread may use it.
///
/// An object, because it keeps the whole state of the request, which would otherwise be moved with every `RouteOutcome`.
package final class Suspension: Sendable {
  /// When the request has to be resumed at the latest.
  package let deadline: MonotonicTime
  let request: RoutingRequest
  /// When the search for its token ids began.
  let begin: MonotonicTime
  private let tokens: any PendingTokens

  init(_ request: RoutingRequest, tokens: any PendingTokens, begin: MonotonicTime, deadline: MonotonicTime) {
    self.request = request
    self.begin = begin
    self.tokens = tokens
    self.deadline = deadline
  }

  /// Gives up waiting; `wake` is not called after this has returned.
  package func cancel() { tokens.cancel() }

  /// Ends the wait and returns the token ids; nil when they have not arrived.
  func takeTokens() -> [UInt32]? {
    tokens.cancel()
    return tokens.result
  }
}
