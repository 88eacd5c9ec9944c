package import EPPCore

/// The body of an answer to a request that is not routed, in OpenAI's error format.
package enum ErrorBody {
  package static func json(for rejection: Rejection) -> [UInt8] {
    var body = Array(#"{"error":{"message":"#.utf8)
    JSONEscaping.appendString(rejection.message, to: &body)
    body += Array(#","type":"#.utf8)
    JSONEscaping.appendString(type(of: rejection.status), to: &body)
    body += Array(#","param":"#.utf8)
    if let field = rejection.field { JSONEscaping.appendString(field, to: &body) } else { body += Array("null".utf8) }
    body += Array(#","code":"#.utf8)
    body += Array(String(rejection.status.rawValue).utf8)
    body += Array("}}".utf8)
    return body
  }

  /// OpenAI's word for the status, as vLLM gives the status itself as code.
  private static func type(of status: Rejection.Status) -> String {
    switch status {
    case .badRequest, .contentTooLarge: "invalid_request_error"
    case .tooManyRequests: "rate_limit_error"
    case .internalError: "internal_server_error"
    case .serviceUnavailable: "service_unavailable_error"
    }
  }
}
