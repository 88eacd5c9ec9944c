package import EPPCore

/// What the owner of a stream has to do next. Nothing else happens on the stream until it is done.
package enum StreamAction: Sendable, Equatable {
  /// Wait for the next message.
  case receive
  /// Choose an endpoint and tell the machine with `routed(_:)`.
  case route(RouteInput)
  /// Send a reply.
  case reply(Reply, then: Continuation)
  /// End the stream without a further message.
  case close(StreamStatus)

  /// What a route can be decided from.
  package enum RouteInput: Sendable, Equatable {
    /// There is no body, or the gateway's mode keeps it from us until it is too late.
    case headers
    /// The whole body is there.
    case body
    /// The beginning of the body is there (BUFFERED_PARTIAL), perhaps all of it.
    case partialBody
  }

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
  /// The decision, in a headers response.
  case routeInHeaders
  /// The decision in a headers response, then the whole body in pieces. `endOfStream` is false when trailers end the
  /// request; their answer follows the body.
  case routeWithBody(endOfStream: Bool)
  /// The decision in the answer to a buffered body.
  case routeInBody
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

/// How a stream ends: the gRPC status.
package enum StreamStatus: Sendable, Equatable {
  case ok
  /// The gateway broke the protocol; the text says how.
  case invalidArgument(String)
}
