package import EPPCore

/// A request as it reaches the pipeline: what the gateway says of it, and since when it is here.
package struct RequestArrival: Sendable {
  package var context: RequestContext
  package var receivedAt: MonotonicTime

  package init(context: RequestContext, receivedAt: MonotonicTime) {
    self.context = context
    self.receivedAt = receivedAt
  }
}

/// What an engine's answer says before its body.
package struct ResponseStart: Sendable {
  /// The HTTP status; nil when the gateway did not tell.
  package var status: Int?
  package var isEventStream: Bool
  /// False when the body is compressed: nothing is read out of it then.
  package var isReadable: Bool
  /// False when the gateway keeps the body to itself (`response_body_mode: NONE`): the end of the stream is its end then.
  package var bodyIsSeen: Bool
  /// The endpoint that the gateway names as served, `ip:port`.
  package var served: String?

  package init(status: Int?, isEventStream: Bool, isReadable: Bool, bodyIsSeen: Bool = true, served: String?) {
    self.status = status
    self.isEventStream = isEventStream
    self.isReadable = isReadable
    self.bodyIsSeen = bodyIsSeen
    self.served = served
  }
}
