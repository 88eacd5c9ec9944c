package import EPPCore
package import EPPRouting

/// What the owner of a stream has to do next. Nothing else happens on the stream until it is done.
package enum StreamAction: Sendable, Equatable {
  /// Wait for the next message.
  case receive
  /// Choose an endpoint from what is there, and tell the machine with `routed(_:)`.
  case route(ReceivedBody)
  /// Send a reply.
  case reply(Reply, then: Continuation)
  /// End the stream without a further message.
  case close(StreamStatus)

  /// What follows a reply.
  package enum Continuation: Sendable, Equatable {
    /// Read the next message; it can be asked for in the same batch.
    case receive
    /// Status OK in the same batch: nothing more is expected or wanted of the stream.
    case close
  }

  /// Whether the owner has to choose an endpoint.
  package var isRoute: Bool {
    if case .route = self { true } else { false }
  }
}

/// The messages that make up one reply, in order.
package enum Reply: Sendable, Equatable {
  /// Headers go on unchanged; the decision comes with the body (BUFFERED, BUFFERED_PARTIAL).
  case continueRequestHeaders
  /// The decision, and with it as much of the request as its place says.
  case decision(DecisionPlace)
  /// A request body chunk that came after the decision: sent back in full-duplex mode, else left as it is.
  case requestBody(echo: Bool, endOfStream: Bool)
  case requestTrailers
  case responseHeaders
  /// A response body chunk: sent back in full-duplex mode, else left as it is.
  case responseBody(echo: Bool, endOfStream: Bool)
  case responseTrailers
  /// The answer for the client instead of an engine's.
  case immediate(Rejection)
}

/// Where a decision is told.
package enum DecisionPlace: Sendable, Equatable {
  /// In a headers response.
  case headers
  /// In a headers response, which the whole body follows in pieces. `endOfStream` is false when trailers end the request; their
  /// answer follows the body.
  case headersWithBody(endOfStream: Bool)
  /// In the answer to a buffered body.
  case body
}

/// How a stream ends: the gRPC status.
package enum StreamStatus: Sendable, Equatable {
  case ok
  /// The gateway broke the protocol; the text says how.
  case invalidArgument(String)
  /// A message is larger than is read; the text says which.
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
