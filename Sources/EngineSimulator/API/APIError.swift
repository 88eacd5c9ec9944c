/// An error as vLLM's API server words it.
package struct APIError: Error, Sendable, Equatable {
  /// The HTTP status.
  package var status: Int
  package var message: String
  package var type: String
  /// The field at fault.
  package var parameter: String?

  package init(status: Int, message: String, type: String, parameter: String? = nil) {
    self.status = status
    self.message = message
    self.type = type
    self.parameter = parameter
  }

  /// The body of the answer.
  package var json: String {
    let parameter = parameter.map(JSONString.quoted) ?? "null"
    return """
      {"error":{"message":\(JSONString.quoted(message)),"type":\(JSONString.quoted(type)),"param":\(parameter),"code":\(status)}}
      """
  }

  /// A value that the engine does not take.
  package static func badValue(_ message: String, parameter: String, value: String) -> APIError {
    APIError(
      status: 400, message: "\(message) (parameter=\(parameter), value=\(value))", type: "BadRequestError",
      parameter: parameter)
  }

  /// A body that is not what the path asks for; `location` is where, from `body` on.
  package static func validation(_ kind: String, location: String, message: String) -> APIError {
    APIError(
      status: 400,
      message: "1 validation error:\n  {'type': '\(kind)', 'loc': '\(location)', 'msg': '\(message)'}",
      type: "Bad Request", parameter: location)
  }

  /// A body that is not JSON from an offset on.
  package static func invalidJSON(offset: Int) -> APIError {
    validation("json_invalid", location: "body.\(offset)", message: "JSON decode error")
  }

  package static let unsupportedMediaType = APIError(
    status: 400, message: "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed",
    type: "Bad Request")

  package static let missingPrompt = APIError(
    status: 400, message: "Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)",
    type: "BadRequestError", parameter: "prompt")

  package static func unknownModel(_ model: String, served: [String]) -> APIError {
    APIError(
      status: 404,
      message: "The model `\(model)` does not exist. Valid aliases: \(served.joined(separator: ", ")).",
      type: "NotFoundError", parameter: "model")
  }

  package static let scaleOutDisabled = APIError(
    status: 403, message: "Scale-out endpoints are disabled: start engine-sim with --enable-scale-out.",
    type: "PermissionDeniedError")

  /// What the fault `errors` answers, and `render-errors` to requests for tokens.
  package static let internalError = APIError(
    status: 500, message: "EngineCore encountered an issue (fault switch of engine-sim).", type: "InternalServerError")

  /// Why a request does not fit the context.
  package init(_ rejection: SimulatedEngineAction.Rejection, limit: Int) {
    switch rejection {
    case .promptTooLong(let prompt):
      self = .badValue(
        "This model's maximum context length is \(limit) tokens. However, your prompt contains \(prompt) input tokens, "
          + "which exceeds this limit even without any output tokens. Please reduce the length of the input prompt.",
        parameter: "input_tokens", value: "\(prompt)")
    case .outputTooLong(let output):
      self = .badValue(
        "max_tokens=\(output) cannot be greater than max_model_len=\(limit). Please request fewer output tokens.",
        parameter: "max_tokens", value: "\(output)")
    case .totalTooLong(let prompt, let output):
      self = .badValue(
        "This model's maximum context length is \(limit) tokens. However, you requested \(output) output tokens and your "
          + "prompt contains \(prompt) input tokens, \(prompt + output) in total. Please reduce one or the other.",
        parameter: "input_tokens", value: "\(prompt)")
    }
  }
}
