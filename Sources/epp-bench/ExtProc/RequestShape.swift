import ArgumentParser

/// Which API a generated request speaks.
enum RequestAPI: String, CaseIterable, ExpressibleByArgument, Sendable {
  case completions
  case chat
}

/// Everything of a generated request but its prompt.
struct RequestShape: Sendable {
  var path: String
  /// The JSON text in front of the prompt.
  var bodyStart: String
  /// The JSON text behind it.
  var bodyEnd: String

  /// - Parameters:
  ///   - model: The model name, which must need no escapes in JSON.
  ///   - streams: Whether the answer is wanted as events.
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
