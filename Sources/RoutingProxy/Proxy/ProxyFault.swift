import EPPCore
import EPPRequests
import NIOHTTP1

/// An answer of the proxy itself, in OpenAI's format of errors.
struct ProxyFault: Error, Equatable {
  let status: HTTPResponseStatus
  let message: String

  static let tooLarge = ProxyFault(status: .payloadTooLarge, message: "the request body is too large")

  static let bodyTimeout = ProxyFault(status: .requestTimeout, message: "the request body did not arrive in time")

  static let noObject = ProxyFault(status: .badRequest, message: "the request body is no JSON object")

  static let noMemory = ProxyFault(
    status: .serviceUnavailable, message: "too many large requests are being received; try again")

  /// A target that a header names is not allowed. Its text is llm-d's, by which callers know it.
  static let forbiddenTarget = ProxyFault(
    status: .forbidden, message: "Forbidden: prefill target not allowed by SSRF protection")

  static let noResolver = ProxyFault(
    status: .serviceUnavailable, message: "too many names of prefill engines are being resolved; try again")

  static let tooManyMedia = ProxyFault(
    status: .badRequest, message: "a chat may have \(EncodeStage.maximumItems) images, sounds and films at most")

  static let unsigned = ProxyFault(
    status: .forbidden, message: "the headers that say where to send the request do not come from the endpoint picker")

  static let unknownRank = ProxyFault(
    status: .badRequest, message: "\(HeaderName.dataParallelHostPort) names no data-parallel rank of this model server")

  /// The engine cannot be reached: 503, as it may be starting.
  static func unreachable(_ engine: EndpointAddress) -> ProxyFault {
    ProxyFault(status: .serviceUnavailable, message: "the model server at \(engine) cannot be reached")
  }

  /// The engine has closed the connection without an answer.
  static func noAnswer(_ engine: EndpointAddress) -> ProxyFault {
    ProxyFault(
      status: .badGateway, message: "the model server at \(engine) has closed the connection without an answer")
  }

  static let noEncoding = ProxyFault(
    status: .badGateway, message: "an encode engine has not encoded the media of the request")

  /// There is no encrypted connection to the engine.
  static func noTLS(_ engine: EndpointAddress) -> ProxyFault {
    ProxyFault(
      status: .badGateway,
      message:
        "there is no TLS connection to the model server at \(engine): it speaks no TLS, or its certificate is not trusted"
    )
  }

  /// The prefill engine has not computed the prompt, and nobody else is to.
  static func noPrefill(_ engine: EndpointAddress) -> ProxyFault {
    ProxyFault(status: .badGateway, message: "the prefill engine at \(engine) has not answered")
  }

  /// The body.
  var json: [UInt8] {
    ErrorBody.json(
      message, type: status.code < 500 ? "invalid_request_error" : "service_unavailable_error", code: Int(status.code))
  }
}
