package import EPPCore
package import EPPRouting

/// The next action of a stream's owner. The owner performs it before it reports another event of the stream.
package enum StreamAction: Sendable, Equatable {
  /// Wait for the next message.
  case receive
  /// Choose an endpoint from what has been received, and report the result with `routed(_:needsResponse:)`.
  case route(ReceivedBody)
  /// Send a reply.
  case reply(Reply, then: Continuation)
  /// End the stream without a further message.
  case close(StreamStatus)

  /// The action that follows a reply.
  package enum Continuation: Sendable, Equatable {
    /// Ask for the next message, in the batch of the reply where possible.
    case receive
    /// End the stream with status OK, in the batch of the reply.
    case close
  }

  /// Whether the owner has to choose an endpoint.
  package var isRoute: Bool {
    if case .route = self { true } else { false }
  }
}

/// A reply to the gateway: one message or several.
package enum Reply: Sendable, Equatable {
  /// The request's headers are unchanged; the decision follows in the reply to the body (BUFFERED, BUFFERED_PARTIAL).
  case continueRequestHeaders
  /// The decision, and the request's body where the place includes it.
  case decision(DecisionPlace)
  /// A request body chunk after the decision: sent back with `echo` (full-duplex mode), else unchanged.
  case requestBody(echo: Bool, endOfStream: Bool)
  /// The request's trailers are unchanged.
  case requestTrailers
  /// The response's headers, with changes of plugins.
  case responseHeaders
  /// A response body chunk: sent back with `echo` (full-duplex mode), else unchanged or replaced.
  case responseBody(echo: Bool, endOfStream: Bool)
  /// The response's trailers are unchanged.
  case responseTrailers
  /// A response to the client in place of an engine's.
  case immediate(Rejection)
}

/// The message that carries a decision.
package enum DecisionPlace: Sendable, Equatable {
  /// The reply to the request's headers.
  case headers
  /// The reply to the request's headers, followed by the whole body in pieces. `endOfStream` is false when trailers end the
  /// request; the reply to the trailers follows the body.
  case headersWithBody(endOfStream: Bool)
  /// The reply to a buffered body.
  case body
}

/// The gRPC status with which a stream ends.
package enum StreamStatus: Sendable, Equatable {
  case ok
  /// The gateway violated the protocol, as the text describes.
  case invalidArgument(String)
  /// A message is too large, as the text describes.
  case resourceExhausted(String)

  /// The number of the gRPC status.
  package var code: Int {
    switch self {
    case .ok: 0
    case .invalidArgument: 3
    case .resourceExhausted: 8
    }
  }
}
