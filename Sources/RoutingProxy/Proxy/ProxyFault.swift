import EPPCore
import EPPRequests
import NIOHTTP1

/// An answer of the proxy itself, in OpenAI's format of errors.
struct ProxyFault: Error, Equatable {
  let status: HTTPResponseStatus
  let message: String

  static let tooLarge = ProxyFault(status: .payloadTooLarge, message: "the request body is too large")

  static let bodyTimeout = ProxyFault(status: .requestTimeout, message: "the request body did not arrive in time")

  /// The engine cannot be reached: 503, as it may be starting.
  static func unreachable(_ engine: EndpointAddress) -> ProxyFault {
    ProxyFault(status: .serviceUnavailable, message: "the model server at \(engine) cannot be reached")
  }

  /// The engine has closed the connection without an answer.
  static func noAnswer(_ engine: EndpointAddress) -> ProxyFault {
    ProxyFault(
      status: .badGateway, message: "the model server at \(engine) has closed the connection without an answer")
  }

  /// The body.
  var json: [UInt8] {
    ErrorBody.json(
      message, type: status.code < 500 ? "invalid_request_error" : "service_unavailable_error", code: Int(status.code))
  }
}
