package import EPPCore

/// Where the token ids of texts come from. Any thread may ask; nothing waits.
package protocol PromptTokenSource: Sendable {
  /// The token ids that the engines make of a request's prompt.
  ///
  /// - Parameters:
  ///   - body: the whole body of the request.
  ///   - endpoints: engines that can be asked, the first ones first.
  ///   - wake: called at most once, on any thread, when a pending answer is there, and never after its `cancel`.
  func tokens(
    of request: InferenceRequest, body: RawSpan, at endpoints: [EndpointAddress], wake: @escaping @Sendable () -> Void
  ) -> TokenAnswer
  /// A prediction that rests on token ids has proved wrong.
  func invalidate()
}

/// What a `PromptTokenSource` knows.
package enum TokenAnswer: Sendable {
  case known([UInt32])
  /// An engine was asked.
  case pending(any PendingTokens)
  /// There are none for this request, or not now.
  case unavailable
}

/// Token ids that are on their way.
package protocol PendingTokens: AnyObject, Sendable {
  /// Nil as long as they are not there, and when they could not be had.
  var result: [UInt32]? { get }
  /// Nobody waits for them any more: after this has returned nobody is woken.
  func cancel()
}

/// A request that waits for something before it is routed. It is resumed once, with what is there by then, or cancelled.
///
/// An object, for it keeps all that is known of the request: within a `RouteOutcome` that would be moved for every request.
package final class Suspension: Sendable {
  /// When it goes on at the latest.
  package let deadline: MonotonicTime
  let request: RoutingRequest
  private let tokens: any PendingTokens

  init(_ request: RoutingRequest, tokens: any PendingTokens, deadline: MonotonicTime) {
    self.request = request
    self.tokens = tokens
    self.deadline = deadline
  }

  /// Nobody waits any more: after this has returned nobody is woken.
  package func cancel() { tokens.cancel() }

  /// The token ids, as far as they are there, which nobody waits for any more.
  func takeTokens() -> [UInt32]? {
    tokens.cancel()
    return tokens.result
  }
}
