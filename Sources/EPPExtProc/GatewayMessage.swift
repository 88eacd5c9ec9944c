/// A message of the gateway, with the properties that `StreamStateMachine` depends on. It holds no bytes of bodies.
package enum GatewayMessage: Sendable, Equatable {
  case requestHeaders(Headers)
  case requestBody(byteCount: Int, endOfStream: Bool)
  case requestTrailers
  case responseHeaders(endOfStream: Bool, configuration: ProtocolConfiguration?)
  case responseBody(endOfStream: Bool)
  case responseTrailers

  /// The properties of a request's headers.
  package struct Headers: Sendable, Equatable {
    /// Whether the request ends with its headers.
    package var endOfStream: Bool
    /// The gateway's body modes; nil when the message has none.
    package var configuration: ProtocolConfiguration?
    /// The body's length in bytes that the client has announced; nil when it has not.
    package var contentLength: Int?
    /// Whether method or headers say that no body will come, although `endOfStream` is false: a GET, or a connection that
    /// becomes a WebSocket.
    package var announcesNoBody: Bool

    package init(
      endOfStream: Bool, configuration: ProtocolConfiguration? = nil, contentLength: Int? = nil,
      announcesNoBody: Bool = false
    ) {
      self.endOfStream = endOfStream
      self.configuration = configuration
      self.contentLength = contentLength
      self.announcesNoBody = announcesNoBody
    }
  }
}
