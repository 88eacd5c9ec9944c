import ArgumentParser

/// The API of a generated request.
enum RequestAPI: String, CaseIterable, ExpressibleByArgument, Sendable {
  case completions
  case chat
}

/// The parts of a generated request without its prompt.
struct RequestShape: Sendable {
  /// The path of the API.
  var path: String
  /// The JSON text before the prompt.
  var bodyStart: String
  /// The JSON text after the prompt.
  var bodyEnd: String

  /// Makes the parts of a request.
  ///
  /// - Parameters:
  ///   - model: The model's name, which must not need escapes in JSON.
  ///   - streams: Whether the request asks for a stream of events.
  init(api: RequestAPI, model: String, streams: Bool) {
    let options = streams ? #","max_tokens":64,"temperature":0,"stream":true}"# : #","max_tokens":64,"temperature":0}"#
    switch api {
    case .completions:
      path = "/v1/completions"
      bodyStart = #"{"model":"\#(model)","prompt":""#
      bodyEnd = "\"" + options
    case .chat:
      path = "/v1/chat/completions"
      bodyStart = #"{"model":"\#(model)","messages":[{"role":"user","content":""#
      bodyEnd = "\"}]" + options
    }
  }
}
