package import EPPCore

/// A plugin that is notified of picks. Called on the request's thread; does not block.
package protocol RequestObserver: Sendable {
  /// Called when a request is sent to an endpoint.
  ///
  /// - Parameter effects: the plugin adds headers and followers to it.
  func picked(_ pick: borrowing PickedRequest, _ effects: inout PickEffects)
}

/// A request at its dispatch.
package struct PickedRequest {
  /// The parsed body.
  package let request: InferenceRequest
  /// What the gateway sent besides the body.
  package let context: RequestContext
  /// The picked endpoint, which generates the answer.
  package let endpoint: Endpoint
  /// Whether no candidate held any of the prompt.
  package let isCold: Bool
  /// Picks for other stages; empty for a request that one endpoint serves alone.
  package let others: [StagePick]
  /// The time of the pick.
  package let now: MonotonicTime

  package init(
    request: InferenceRequest, context: RequestContext, endpoint: Endpoint, isCold: Bool = false,
    others: [StagePick] = [], now: MonotonicTime
  ) {
    self.request = request
    self.context = context
    self.endpoint = endpoint
    self.isCold = isCold
    self.others = others
    self.now = now
  }

  /// An endpoint that was picked for another stage than decode.
  package struct StagePick: Sendable {
    /// The stage.
    package let stage: ServingStage
    /// The endpoint.
    package let endpoint: Endpoint
    /// Whether no candidate of the stage held any of the prompt.
    package let isCold: Bool

    package init(stage: ServingStage, endpoint: Endpoint, isCold: Bool) {
      self.stage = stage
      self.endpoint = endpoint
      self.isCold = isCold
    }
  }
}

/// What plugins add to a request at its pick.
package struct PickEffects {
  /// Headers to set on the request; they replace headers with equal names.
  package var requestHeaders: [RequestHeaders.Field] = []
  /// Objects that are notified of the request's progress. They cost memory until the answer ends, so an observer without
  /// further needs adds none.
  package var followers: [any RequestFollower] = []

  /// No effects.
  package init() {}
}

/// Follows one request to its end. Used only on the thread of the request's stream.
package protocol RequestFollower: AnyObject {
  /// Called when the answer's headers have arrived.
  ///
  /// - Parameter answer: the answer; headers that are added here are sent to the client.
  func responseStarted(_ answer: inout AnswerStart)
  /// Called when the answer's first token has arrived; not called where the gateway does not send the answer's body.
  func firstToken(now: MonotonicTime)
  /// Called when a complete answer has reported its token counts.
  ///
  /// - Parameter attributes: what is added is given to the gateway with the end of the answer.
  func answered(_ usage: TokenUsage, _ attributes: inout [ReportedAttribute])
  /// Called once, as the last call, when the request has ended.
  func ended(_ outcome: RequestOutcome, now: MonotonicTime)
}

extension RequestFollower {
  package func responseStarted(_ answer: inout AnswerStart) {}
  package func firstToken(now: MonotonicTime) {}
  package func answered(_ usage: TokenUsage, _ attributes: inout [ReportedAttribute]) {}
  package func ended(_ outcome: RequestOutcome, now: MonotonicTime) {}
}

/// The beginning of an answer.
package struct AnswerStart {
  /// The HTTP status; nil when the gateway did not send it.
  package let status: Int?
  /// The slot of the endpoint that serves the request; not the picked one when the gateway fell back to another, and nil when that
  /// is none of the pool.
  package let served: EndpointSlot?
  /// The address that the gateway names as the one that serves the request; nil when it names none.
  package let servedAddress: String?
  /// The time of arrival.
  package let now: MonotonicTime
  /// Headers to set on the answer; they replace headers with equal names.
  package var headers: [RequestHeaders.Field] = []

  package init(status: Int?, served: EndpointSlot?, servedAddress: String?, now: MonotonicTime) {
    self.status = status
    self.served = served
    self.servedAddress = servedAddress
    self.now = now
  }
}

/// How a request ended.
package enum RequestOutcome: Sendable, Equatable {
  /// The whole answer was received.
  case complete
  /// The engine answered with an error status, or its stream contained an error event.
  case failed
  /// The client or the engine disconnected before the answer was complete.
  case aborted
  /// An endpoint outside of the pool serves it.
  case elsewhere
  /// The gateway does not send the answer to the picker.
  case unseen
}
