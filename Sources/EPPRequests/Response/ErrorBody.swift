package import EPPCore

/// The body of the answer to a request that is not routed, in OpenAI's error format.
package enum ErrorBody {
  /// A JSON object with one member, `error`. Its `code` is the HTTP status, as vLLM answers.
  package static func json(for rejection: Rejection) -> [UInt8] {
    json(rejection.message, type: type(of: rejection.status), field: rejection.field, code: rejection.status.rawValue)
  }

  /// The same of its parts.
  ///
  /// - Parameters:
  ///   - type: OpenAI's error type.
  ///   - field: the JSON field at fault; nil for none.
  ///   - code: the HTTP status.
  package static func json(_ message: String, type: String, field: String? = nil, code: Int) -> [UInt8] {
    var body = Array(#"{"error":{"message":"#.utf8)
    body.appendJSONString(message)
    body.append(contentsOf: #","type":"#.utf8)
    body.appendJSONString(type)
    body.append(contentsOf: #","param":"#.utf8)
    if let field {
      body.appendJSONString(field)
    } else {
      body.append(contentsOf: "null".utf8)
    }
    body.append(contentsOf: #","code":"#.utf8)
    body.append(contentsOf: String(code).utf8)
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
