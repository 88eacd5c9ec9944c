package import EPPCore

/// The body of the answer to a request that is not routed, in OpenAI's error format.
package enum ErrorBody {
  /// A JSON object with one member, `error`. Its `code` is the HTTP status, as vLLM answers.
  package static func json(for rejection: Rejection) -> [UInt8] {
    var body = Array(#"{"error":{"message":"#.utf8)
    body.appendJSONString(rejection.message)
    body.append(contentsOf: #","type":"#.utf8)
    body.appendJSONString(type(of: rejection.status))
    body.append(contentsOf: #","param":"#.utf8)
    if let field = rejection.field {
      body.appendJSONString(field)
    } else {
      body.append(contentsOf: "null".utf8)
    }
    body.append(contentsOf: #","code":"#.utf8)
    body.append(contentsOf: String(rejection.status.rawValue).utf8)
    body.append(contentsOf: "}}".utf8)
    return body
  }

  /// OpenAI's error type for a status.
  private static func type(of status: Rejection.Status) -> String {
    switch status {
    case .badRequest, .preconditionFailed, .contentTooLarge: "invalid_request_error"
    case .tooManyRequests: "rate_limit_error"
    case .internalError: "internal_server_error"
    case .serviceUnavailable: "service_unavailable_error"
    }
  }
}
