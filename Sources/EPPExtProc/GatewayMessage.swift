/// A message of the gateway as far as the course of the conversation depends on it. The bytes stay with the owner.
package enum GatewayMessage: Sendable, Equatable {
  /// `configuration` is nil when the message carries none. `contentLength` is the client's own figure, where it gave one.
  case requestHeaders(endOfStream: Bool, configuration: ProtocolConfiguration?, contentLength: Int?)
  case requestBody(byteCount: Int, endOfStream: Bool)
  case requestTrailers
  case responseHeaders(endOfStream: Bool, configuration: ProtocolConfiguration?)
  case responseBody(endOfStream: Bool)
  case responseTrailers
}
