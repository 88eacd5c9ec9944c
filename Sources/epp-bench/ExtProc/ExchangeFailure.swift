/// Why an exchange did not come to its regular end.
enum ExchangeFailure: Hashable, CustomStringConvertible {
  /// The server answered for itself with this HTTP status.
  case immediateResponse(Int)
  /// The stream ended with this gRPC status, or with OK before the request was routed.
  case grpcStatus(Int)
  /// RST_STREAM with this code before the regular end.
  case reset(UInt32)
  case connectionLost
  case malformedResponse
  /// A message that Envoy would refuse at this place.
  case unexpectedResponse
  /// A body came back with other bytes or another length.
  case bodyChanged
  /// Headers were answered without a destination.
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
