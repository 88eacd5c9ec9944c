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
  func distrust()
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

/// How far a request has come with its token ids.
package enum TokenStage {
  /// They may be asked for; `wake` brings the request back.
  case ask(wake: @Sendable () -> Void)
  /// What was asked for is there, or does not come in time.
  case answered([UInt32]?)
}

/// What routing says.
package enum RouteOutcome {
  case routed(RoutedRequest)
  case refused(Rejection)
  /// The request's token ids are on their way: it is to be routed again when they are there, or have taken too long.
  case waiting(any PendingTokens)
}
