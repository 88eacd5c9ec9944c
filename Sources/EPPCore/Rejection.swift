/// Why a request is not routed. One place turns it into an answer for the client.
package struct Rejection: Error, Equatable, Sendable {
  /// The HTTP status of the answer.
  package var status: Status
  /// One sentence for the client: what is wrong and, where there is one, the name of the field.
  package var message: String
  /// The JSON field at fault, for OpenAI's `param`.
  package var field: String?
  /// Value of the `x-llm-d-request-dropped-reason` header and label of the counters; nil for the client's own mistakes.
  package var reason: DroppedReason?

  package init(_ status: Status, _ message: String, field: String? = nil, reason: DroppedReason? = nil) {
    self.status = status
    self.message = message
    self.field = field
    self.reason = reason
  }

  /// The HTTP statuses that the picker answers with.
  package enum Status: Int, Sendable, CaseIterable {
    case badRequest = 400
    case preconditionFailed = 412
    case contentTooLarge = 413
    case tooManyRequests = 429
    case internalError = 500
    case serviceUnavailable = 503

    /// llm-d's name of the status, used as the `error_code` label.
    package var code: String {
      switch self {
      case .badRequest: "BadRequest"
      case .preconditionFailed: "PreconditionFailed"
      case .contentTooLarge: "ContentTooLarge"
      case .tooManyRequests: "ResourceExhausted"
      case .internalError: "Internal"
      case .serviceUnavailable: "ServiceUnavailable"
      }
    }
  }

  /// Why the picker rejected a valid request, as llm-d's header has it.
  package enum DroppedReason: String, Sendable, CaseIterable {
    case noEndpoints = "rejected-no-endpoints"
    case saturated = "rejected-saturated"
    case bufferFull = "rejected-buffer-full"
    case deadline = "rejected-deadline"
  }
}
