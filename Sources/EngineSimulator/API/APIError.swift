import NIOHTTP1

/// An error response in the wording of vLLM's API server.
package struct APIError: Error, Sendable, Equatable {
  /// The HTTP status.
  package var status: Int
  /// The member `message` of the response.
  package var message: String
  /// The member `type` of the response: vLLM's name of the kind of error.
  package var type: String
  /// The member `param` of the response: the field at fault; nil when there is none.
  package var parameter: String?

  package init(status: Int, message: String, type: String, parameter: String? = nil) {
    self.status = status
    self.message = message
    self.type = type
    self.parameter = parameter
  }

  /// The body of the response.
  package var json: String {
    let parameter = parameter.map(JSONString.quoted) ?? "null"
    return """
      {"error":{"message":\(JSONString.quoted(message)),"type":\(JSONString.quoted(type)),"param":\(parameter),"code":\(status)}}
      """
  }

  /// Makes the error of a value that the engine does not accept.
  package static func badValue(_ message: String, parameter: String, value: String) -> APIError {
    APIError(
      status: 400, message: "\(message) (parameter=\(parameter), value=\(value))", type: "BadRequestError",
      parameter: parameter)
  }

  /// Makes the error of a body with a wrong structure.
  ///
  /// - Parameters:
  ///   - kind: Pydantic's type of the error, such as `missing`.
  ///   - location: Path of the wrong member, such as `body.messages`.
  package static func validation(_ kind: String, location: String, message: String) -> APIError {
    APIError(
      status: 400,
      message: "1 validation error:\n  {'type': '\(kind)', 'loc': '\(location)', 'msg': '\(message)'}",
      type: "Bad Request", parameter: location)
  }

  /// Makes the error of a body that is not JSON.
  ///
  /// - Parameter offset: Offset in bytes of the first error.
  package static func invalidJSON(offset: Int) -> APIError {
    validation("json_invalid", location: "body.\(offset)", message: "JSON decode error")
  }

  /// The error of a request without the content type `application/json`.
  package static let unsupportedMediaType = APIError(
    status: 400, message: "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed",
    type: "Bad Request")

  /// The error of a completion without a prompt.
  package static let missingPrompt = APIError(
    status: 400, message: "Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)",
    type: "BadRequestError", parameter: "prompt")

  /// Makes the error of a model that is not served.
  ///
  /// - Parameter served: The names that are served.
  package static func unknownModel(_ model: String, served: [String]) -> APIError {
    APIError(
      status: 404,
      message: "The model `\(model)` does not exist. Valid aliases: \(served.joined(separator: ", ")).",
      type: "NotFoundError", parameter: "model")
  }

  /// The error of a render path without `--enable-scale-out`.
  package static let scaleOutDisabled = APIError(
    status: 403, message: "Scale-out endpoints are disabled: start engine-sim with --enable-scale-out.",
    type: "PermissionDeniedError")

  /// The error of requests for tokens during the fault `render-errors`.
  package static let internalError = fault(status: 500)

  /// Makes the error of inference requests during the fault `errors`.
  package static func fault(status: Int) -> APIError {
    let phrase = HTTPResponseStatus(statusCode: status).reasonPhrase
    return APIError(
      status: status, message: "EngineCore encountered an issue (fault switch of engine-sim).",
      type: phrase.replacing(" ", with: ""))
  }

  /// The error of a request whose blocks could not be loaded. As in vLLM, it does not say what has failed.
  package static let loadFailed = APIError(status: 500, message: "Internal server error", type: "InternalServerError")

  /// Makes the error of a request that does not fit the context.
  ///
  /// - Parameter limit: Tokens of the context.
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
