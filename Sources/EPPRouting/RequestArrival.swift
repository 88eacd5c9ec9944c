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
  /// The endpoint that the gateway names as served, `ip:port`.
  package var served: String?

  package init(status: Int?, isEventStream: Bool, isReadable: Bool, served: String?) {
    self.status = status
    self.isEventStream = isEventStream
    self.isReadable = isReadable
    self.served = served
  }
}
