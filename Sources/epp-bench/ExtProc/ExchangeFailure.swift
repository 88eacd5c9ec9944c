/// Why an exchange has failed.
enum ExchangeFailure: Hashable, CustomStringConvertible {
  /// The server sent an immediate response with an HTTP status.
  case immediateResponse(Int)
  /// The stream ended with a gRPC status, or with OK (0) before the request was routed.
  case grpcStatus(Int)
  /// The stream ended with RST_STREAM and a code.
  case reset(UInt32)
  case connectionLost
  case malformedResponse
  /// A message that Envoy would refuse in this state.
  case unexpectedResponse
  /// A body came back with other bytes or another length.
  case bodyChanged
  /// The reply to the request's headers has no destination.
  case noDestination
  case timeout

  var description: String {
    switch self {
    case .immediateResponse(let status): "immediate response \(status)"
    case .grpcStatus(let status): "gRPC status \(status)"
    case .reset(let code): "stream reset, code \(code)"
    case .connectionLost: "connection lost"
    case .malformedResponse: "malformed response"
    case .unexpectedResponse: "unexpected response"
    case .bodyChanged: "body changed"
    case .noDestination: "no destination"
    case .timeout: "timeout"
    }
  }
}
