/// The response of vLLM's `/render` paths: the tokens of a request's prompts.
struct RenderAnswer: Sendable {
  private let request: GenerationRequest
  private let body: JSONNode
  private let id: String

  /// Makes a response.
  ///
  /// - Parameters:
  ///   - body: The body from which the request was read.
  ///   - name: The name of the request, or a random one.
  init(_ request: GenerationRequest, body: JSONNode, name: String) {
    self.request = request
    self.body = body
    id = (request.api == .chat ? "chatcmpl-" : "cmpl-") + name
  }

  /// The body of the response: an object for a chat; a list with an object for each prompt for a completion.
  var json: String {
    switch request.api {
    case .chat: return object(id: id, prompt: request.prompts.first ?? [])
    case .completions:
      let objects = request.prompts.enumerated().map { index, prompt in
        object(id: request.prompts.count > 1 ? "\(id)-\(index)" : id, prompt: prompt)
      }
      return "[\(objects.joined(separator: ","))]"
    }
  }

  private func object(id: String, prompt: [UInt32]) -> String {
    let model = request.model.isEmpty ? "null" : JSONString.quoted(request.model)
    return """
      {"request_id":\(JSONString.quoted(id)),"token_ids":\(JSONString.list(prompt)),"token_offsets":\(offsets(prompt)),\
      "features":null,"content_parts":null,"sampling_params":\(samplingParameters),"model":\(model),\
      "reasoning_ended":null,"reasoning_parser_kwargs":null,"return_token_ids":\(flag("return_token_ids") ?? "null"),\
      "output_mode":"tokens","stream":\(request.isStreaming),\
      "stream_options":\(body["stream_options"]?.printed ?? "null"),\
      "cache_salt":\(request.cacheSalt.map(JSONString.quoted) ?? "null"),"priority":0,"kv_transfer_params":null,\
      "ec_transfer_params":null}
      """
  }

  private func flag(_ name: String) -> String? { body[name]?.boolean.map { "\($0)" } }

  /// Returns the ranges of the tokens in the text, in Unicode scalars; `null` when the client does not ask for them. The range
  /// of a token that has a part of a scalar includes the scalar.
  private func offsets(_ prompt: [UInt32]) -> String {
    guard body["return_token_offsets"]?.boolean == true else { return "null" }
    var begun = 0
    let ranges = prompt.map { token in
      let bytes = Tokenizer.trained.bytes(of: token)
      let start = bytes.first.map(Self.continues) == true ? max(0, begun - 1) : begun
      begun += bytes.count { !Self.continues($0) }
      return "[\(start),\(begun)]"
    }
    return "[\(ranges.joined(separator: ","))]"
  }

  /// Whether a byte is a continuation byte of UTF-8.
  private static func continues(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }

  /// The sampling parameters that differ from vLLM's defaults, and those that vLLM always writes.
  private var samplingParameters: String {
    let temperature = body["temperature"]?.double ?? 1
    var members = [
      #""presence_penalty":0.0,"frequency_penalty":0.0,"repetition_penalty":1.0,"temperature":\#(temperature)"#
    ]
    if temperature > 0 { members.append(#""top_p":\#(body["top_p"]?.double ?? 1),"min_p":0.0"#) }
    members.append(#""stop":[],"stop_token_ids":[]"#)
    if body["ignore_eos"]?.boolean == true { members.append(#""ignore_eos":true"#) }
    if let maximum = request.maximumOutputTokens { members.append(#""max_tokens":\#(maximum)"#) }
    members.append(#""output_kind":2,"skip_clone":true,"bad_words":[],"skip_reading_prefix_cache":false"#)
    return "{\(members.joined(separator: ","))}"
  }
}
