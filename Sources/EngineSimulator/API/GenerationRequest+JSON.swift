extension GenerationRequest {
  /// Reads a body.
  ///
  /// - Parameters:
  ///   - transfer: The engine's options of transfers; nil on an engine that works alone.
  ///   - encoder: How the engine hands on the output of its encoder; nil on an engine that does not.
  /// - Throws: `APIError` with which vLLM responds to an invalid body.
  init(api: API, body: JSONNode, transfer: KVTransferOptions? = nil, encoder: EncoderConnector? = nil) throws(APIError)
  {
    let prompts: [[UInt32]]
    switch api {
    case .chat: prompts = [try PromptReader.chat(body)]
    case .completions: prompts = try PromptReader.completion(body)
    }
    self.init(api: api, prompts: prompts)
    model = try Self.modelName(in: body)
    isStreaming = body["stream"]?.boolean ?? false
    let options = body["stream_options"]
    includesUsage = options?["include_usage"]?.boolean ?? false
    includesContinuousUsage = includesUsage && options?["continuous_usage_stats"]?.boolean ?? false
    returnsTokenIDs = body["return_token_ids"]?.boolean ?? false
    cacheSalt = body["cache_salt"]?.text
    sessionID = body["session_id"]?.text ?? body["vllm_xargs"]?["session_id"]?.text
    maximumOutputTokens = try Self.maximumOutputTokens(in: body, api: api)
    answersPerPrompt = try Self.answers(in: body, prompts: prompts.count)
    if let transfer { self.transfer = try TransferPlan(body, transfer) }
    if encoder != nil { encodedItems = EncoderAnswer.items(in: body) }
  }

  /// Returns the model that a body names; empty when it names none.
  static func modelName(in body: JSONNode) throws(APIError) -> String {
    switch body["model"] {
    case .string(let name)?: return name
    case nil, .null?: return ""
    default:
      throw .validation("string_type", location: "body.model", message: "Input should be a valid string")
    }
  }

  private static func maximumOutputTokens(in body: JSONNode, api: API) throws(APIError) -> Int? {
    let names = api == .chat ? ["max_completion_tokens", "max_tokens"] : ["max_tokens"]
    for name in names {
      guard let value = body[name], value != .null else { continue }
      guard let count = value.integer, count >= 1 else {
        throw .badValue("\(name) must be at least 1, got \(value.printed).", parameter: name, value: value.printed)
      }
      return Int(clamping: count)
    }
    return nil
  }

  private static func answers(in body: JSONNode, prompts: Int) throws(APIError) -> Int {
    guard let value = body["n"], value != .null else { return try answers(1, written: "1", prompts: prompts) }
    return try answers(value.integer.map { Int(clamping: $0) } ?? 0, written: value.printed, prompts: prompts)
  }

  private static func answers(_ count: Int, written: String, prompts: Int) throws(APIError) -> Int {
    guard count >= 1, count <= maximumAnswers, count * prompts <= maximumAnswers else {
      throw .badValue(
        "n must be at least 1, and n times the number of prompts at most \(maximumAnswers).", parameter: "n",
        value: written)
    }
    return count
  }
}
