import EPPCore
import EPPExtProc

/// A `ProcessingRequest` that is not a plain body frame, with what the picker reads of it.
enum DecodedMessage {
  case requestHeaders(RequestHead)
  case responseHeaders(ResponseHead)
  case requestTrailers
  case responseTrailers
  case body(BodyFrame.Direction, payload: [UInt8], endOfStream: Bool)

  /// The request's headers and what came with them.
  struct RequestHead {
    var headers = RequestHeaders()
    var endOfStream = false
    var configuration: ProtocolConfiguration?
    /// The peer's address without its port.
    var sourceAddress: String?
  }

  /// What is read of an engine's answer before its body.
  struct ResponseHead {
    /// The HTTP status; nil when it is missing or no number.
    var status: Int?
    var isEventStream = false
    var isJSON = false
    /// Whether the body is compressed, so that nothing can be read out of it.
    var isEncoded = false
    var endOfStream = false
    var configuration: ProtocolConfiguration?
  }
}

/// Metadata that gateways attach to messages.
struct GatewayMetadata {
  /// The subset hint; nil when this message carries none.
  var subset: SubsetHint?
  /// The endpoint that served, as `ip:port`.
  var served: String?
}
