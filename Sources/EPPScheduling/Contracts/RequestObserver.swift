package import EPPCore

/// A plugin that is told where requests go. Called on the request's thread; does not block.
package protocol RequestObserver: Sendable {
  /// A request goes to an endpoint.
  ///
  /// - Parameter effects: what the plugin adds to the request, and who follows it.
  func picked(_ pick: borrowing PickedRequest, _ effects: inout PickEffects)
}

/// A request at the moment of its dispatch.
package struct PickedRequest {
  package let request: InferenceRequest
  package let context: RequestContext
  /// The endpoint that it goes to.
  package let endpoint: Endpoint
  package let now: MonotonicTime

  package init(request: InferenceRequest, context: RequestContext, endpoint: Endpoint, now: MonotonicTime) {
    self.request = request
    self.context = context
    self.endpoint = endpoint
    self.now = now
  }
}

/// What plugins make of a pick.
package struct PickEffects {
  /// Headers that the request goes on with, in place of those of the same name.
  package var requestHeaders: [RequestHeaders.Field] = []
  /// Who is told how the request goes on. Costs memory for as long as the answer lasts: an observer that needs nothing more
  /// adds nobody.
  package var followers: [any RequestFollower] = []

  package init() {}
}

/// Follows one request to its end. Belongs to the thread of the request's stream.
package protocol RequestFollower: AnyObject {
  /// The answer's headers are there.
  ///
  /// - Parameter answer: what it says; headers that are added here go to the client.
  func responseStarted(_ answer: inout AnswerStart)
  /// The answer's first token is there; not called where the answer's body is not seen.
  func firstToken(now: MonotonicTime)
  /// The request is over; called once, as the last.
  func ended(_ outcome: RequestOutcome, now: MonotonicTime)
}

extension RequestFollower {
  package func responseStarted(_ answer: inout AnswerStart) {}
  package func firstToken(now: MonotonicTime) {}
  package func ended(_ outcome: RequestOutcome, now: MonotonicTime) {}
}

/// The beginning of an answer.
package struct AnswerStart {
  /// The HTTP status; nil when the gateway did not tell.
  package let status: Int?
  /// The slot of the endpoint that serves the request: another than the picked one where the gateway fell back.
  package let served: EndpointSlot
  package let now: MonotonicTime
  /// Headers that the client gets, in place of those of the same name.
  package var headers: [RequestHeaders.Field] = []

  package init(status: Int?, served: EndpointSlot, now: MonotonicTime) {
    self.status = status
    self.served = served
    self.now = now
  }
}

/// How a request ended.
package enum RequestOutcome: Sendable, Equatable {
  /// The answer came whole.
  case complete
  /// The engine answered with an error, or its stream carried one.
  case failed
  /// Client or engine left before the answer was complete.
  case aborted
  /// An endpoint outside of the pool serves it.
  case elsewhere
  /// The gateway does not show its answer.
  case unseen
}
