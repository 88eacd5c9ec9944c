/// A message of the gateway as far as the course of the conversation depends on it. The bytes stay with the owner.
package enum GatewayMessage: Sendable, Equatable {
  case requestHeaders(Headers)
  case requestBody(byteCount: Int, endOfStream: Bool)
  case requestTrailers
  case responseHeaders(endOfStream: Bool, configuration: ProtocolConfiguration?)
  case responseBody(endOfStream: Bool)
  case responseTrailers

  /// What a request's headers say of its course.
  package struct Headers: Sendable, Equatable {
    package var endOfStream: Bool
    /// Nil when the message carries none.
    package var configuration: ProtocolConfiguration?
    /// Bytes of the body, where the client has announced it.
    package var contentLength: Int?
    /// Whether method or headers say that no body will come, although the stream goes on: a GET, a connection that becomes a
    /// WebSocket.
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
