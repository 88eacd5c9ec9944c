import EPPCore

/// Builds the response to a generation request token by token: events of a stream, or one JSON object. Members and their order
/// are those of vLLM 0.32.
struct GenerationAnswer: Sendable {
  /// The request.
  let request: GenerationRequest
  /// The member `id` of the response.
  let id: String
  /// The member `model` of the response.
  let model: String
  /// The member `created` of the response: seconds since 1970.
  let created: Int
  /// The member `kv_transfer_params` of a response that is not streamed, in JSON; nil for null.
  var transferParameters: String?
  /// The member `ec_transfer_params` of a response that is not streamed, in JSON; nil for null.
  var encoderParameters: String?
  private let reportsPromptTokenDetails: Bool
  private let blockTokens: Int
  /// One choice for each answer to each prompt; the choices of a prompt are adjacent.
  private(set) var choices: [Choice]
  private var unfinished: Int
  /// Cached tokens of the prompt whose first token came first.
  private var firstCachedTokens: Int?
  /// Cached tokens of the last prompt, once one of its answers has ended.
  private var lastCachedTokens: Int?

  /// One answer to one prompt.
  struct Choice: Sendable {
    /// UTF-8 bytes of the text: a character may be divided between two tokens.
    var text: [UInt8] = []
    /// Tokens of the answer; not kept in a stream.
    var tokens: [UInt32] = []
    /// Tokens of prompt and answer so far.
    var usage = TokenUsage()
    /// Why the answer has ended; nil before its end.
    var finish: SimulatedRequest.FinishReason?
  }

  /// Makes a response without tokens.
  ///
  /// - Parameters:
  ///   - name: The id of the response without the prefix of the API.
  ///   - created: Seconds since 1970.
  init(_ request: GenerationRequest, name: String, model: String, created: Int, options: EngineOptions) {
    self.request = request
    id = (request.api == .chat ? "chatcmpl-" : "cmpl-") + name
    self.model = model
    self.created = created
    reportsPromptTokenDetails = options.reportsPromptTokenDetails
    blockTokens = options.blockTokens
    choices = Array(repeating: Choice(), count: request.prompts.count * request.answersPerPrompt)
    unfinished = choices.count
  }

  /// Whether every choice has ended.
  var isComplete: Bool { unfinished == 0 }

  /// Adds a token of a choice. Returns the server-sent events that it makes; empty when the response is not streamed.
  mutating func accept(
    choice index: Int, token: UInt32, usage: TokenUsage, finish: SimulatedRequest.FinishReason?
  ) -> String {
    let isFirst = choices[index].usage.completionTokens == nil
    // The token that ends an answer is one of its tokens, but no text.
    let text = SpecialToken(rawValue: token) == nil ? Tokenizer.trained.bytes(of: token) : []
    choices[index].usage = usage
    choices[index].finish = finish
    firstCachedTokens = firstCachedTokens ?? usage.cachedTokens
    if finish != nil {
      unfinished -= 1
      if index / request.answersPerPrompt == request.prompts.count - 1 { lastCachedTokens = usage.cachedTokens }
    }
    guard request.isStreaming else {
      choices[index].text += text
      choices[index].tokens.append(token)
      return ""
    }
    var events = ""
    if isFirst, request.api == .chat { addRole(index, to: &events) }
    addToken(index, token: token, text: text, isFirst: isFirst, to: &events)
    if isComplete {
      if request.includesUsage { addUsage(to: &events) }
      events += "data: [DONE]\n\n"
    }
    return events
  }

  /// Ends all choices without a token. Returns the server-sent events that it makes; empty when the response is not streamed.
  ///
  /// - Parameter usages: The usage of each choice.
  mutating func end(_ reason: SimulatedRequest.FinishReason, usages: [TokenUsage]) -> String {
    var events = ""
    for (index, usage) in usages.enumerated() {
      choices[index].usage = usage
      choices[index].finish = reason
      unfinished -= 1
      if index == 0 { firstCachedTokens = usage.cachedTokens }
      lastCachedTokens = usage.cachedTokens
      guard request.isStreaming else { continue }
      if request.api == .chat { addRole(index, to: &events) }
      addToken(index, token: nil, text: [], isFirst: true, to: &events)
    }
    guard request.isStreaming else { return "" }
    if request.includesUsage { addUsage(to: &events) }
    return events + "data: [DONE]\n\n"
  }

  /// Usage of all choices; the tokens of a prompt count once. Cached tokens are not summed over prompts: as in vLLM, they are
  /// those of the first output in a stream, else those of the last prompt.
  var totalUsage: TokenUsage {
    var total = TokenUsage(
      promptTokens: 0, completionTokens: 0, cachedTokens: request.isStreaming ? firstCachedTokens : lastCachedTokens)
    for (index, choice) in choices.enumerated() {
      total.completionTokens = (total.completionTokens ?? 0) + (choice.usage.completionTokens ?? 0)
      guard index % request.answersPerPrompt == 0 else { continue }
      total.promptTokens = (total.promptTokens ?? 0) + (choice.usage.promptTokens ?? 0)
    }
    return total
  }
}

extension GenerationAnswer {
  private var object: String {
    switch (request.api, request.isStreaming) {
    case (.chat, true): "chat.completion.chunk"
    case (.chat, false): "chat.completion"
    case (.completions, _): "text_completion"
    }
  }

  private var head: String {
    """
    {"id":\(JSONString.quoted(id)),"object":"\(object)","created":\(created),"model":\(JSONString.quoted(model)),"choices":[
    """
  }

  /// Adds the first event of a choice in a chat's stream, which has the role.
  private func addRole(_ index: Int, to events: inout String) {
    events += "data: \(head){\"index\":\(index),\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,"
    events += "\"finish_reason\":null}]"
    if request.includesContinuousUsage {
      let usage = TokenUsage(promptTokens: choices[index].usage.promptTokens, completionTokens: 0)
      events += ",\"usage\":\(Self.counts(usage))}"
    }
    events += ",\"prompt_token_ids\":\(promptTokens(index)),\"prompt_text\":null}\n\n"
  }

  /// Returns the tokens of a choice's prompt in JSON; `null` when the client does not ask for tokens.
  private func promptTokens(_ index: Int) -> String {
    request.returnsTokenIDs ? JSONString.list(request.prompts[index / request.answersPerPrompt]) : "null"
  }

  private func addToken(
    _ index: Int, token: UInt32?, text: ArraySlice<UInt8>, isFirst: Bool, to events: inout String
  ) {
    let choice = choices[index]
    let finish = choice.finish.map { "\"\($0.rawValue)\"" } ?? "null"
    let text = JSONString.quoted(String(decoding: text, as: UTF8.self))
    let token = request.returnsTokenIDs ? "[\(token.map { "\($0)" } ?? "")]" : "null"
    events += "data: \(head){\"index\":\(index),"
    switch request.api {
    case .chat:
      events += "\"delta\":{\"content\":\(text)},\"logprobs\":null,\"finish_reason\":\(finish),"
      if choice.finish != nil { events += "\"stop_reason\":null," }
      events += "\"token_ids\":\(token)}]"
    case .completions:
      events += "\"text\":\(text),\"logprobs\":null,\"finish_reason\":\(finish),\"stop_reason\":null,"
      events += "\"prompt_token_ids\":\(isFirst ? promptTokens(index) : "null"),\"token_ids\":\(token)}]"
    }
    if request.includesContinuousUsage { events += ",\"usage\":\(Self.counts(choice.usage))}" }
    if isComplete, !request.includesUsage { events += Self.fingerprint }
    events += "}\n\n"
  }

  private func addUsage(to events: inout String) {
    let usage = totalUsage
    events += "data: \(head)],\"usage\":\(Self.counts(usage))"
    if reportsPromptTokenDetails {
      events += ",\"prompt_tokens_details\":{\"cached_tokens\":\(usage.cachedTokens ?? 0)"
      if request.api == .chat { events += ",\"created_cache_tokens\":\(createdCacheTokens(usage))" }
      events += "}"
    }
    events += "}\(Self.fingerprint)}\n\n"
  }

  /// The body of a response that is not streamed.
  var body: String {
    let all = choices.enumerated().map { index, choice in json(of: choice, index: index) }.joined(separator: ",")
    let usage = totalUsage
    var details = "null"
    if reportsPromptTokenDetails {
      let created = request.api == .chat ? "\(createdCacheTokens(usage))" : "null"
      details = """
        {"cached_tokens":\(usage.cachedTokens ?? 0),"created_cache_tokens":\(created),"multimodal_tokens":null}
        """
    }
    let chat =
      request.api == .chat
      ? #""prompt_logprobs":null,"prompt_token_ids":\#(promptTokens(0)),"prompt_text":null,"# : ""
    return """
      \(head)\(all)],"service_tier":null\(Self.fingerprint),"usage":\(Self.counts(usage)),\
      "prompt_tokens_details":\(details),"completion_tokens_details":null},\(chat)\
      "kv_transfer_params":\(transferParameters ?? "null"),"ec_transfer_params":\(encoderParameters ?? "null"),"metrics":null}
      """
  }

  private func json(of choice: Choice, index: Int) -> String {
    let finish = choice.finish.map { "\"\($0.rawValue)\"" } ?? "null"
    let text = JSONString.quoted(String(decoding: choice.text, as: UTF8.self))
    let tokens = request.returnsTokenIDs ? JSONString.list(choice.tokens) : "null"
    switch request.api {
    case .chat:
      return """
        {"index":\(index),"message":{"role":"assistant","content":\(text),"refusal":null,"annotations":null,\
        "audio":null,"function_call":null,"reasoning":null},"logprobs":null,"finish_reason":\(finish),\
        "stop_reason":null,"token_ids":\(tokens),"routed_experts":null}
        """
    case .completions:
      return """
        {"index":\(index),"text":\(text),"logprobs":null,"finish_reason":\(finish),"stop_reason":null,\
        "token_ids":\(tokens),"prompt_logprobs":null,"prompt_token_ids":\(promptTokens(index)),"routed_experts":null}
        """
    }
  }

  /// Returns a usage object without its closing brace, so that details can follow.
  private static func counts(_ usage: TokenUsage) -> String {
    let (prompt, completion) = (usage.promptTokens ?? 0, usage.completionTokens ?? 0)
    return "{\"prompt_tokens\":\(prompt),\"total_tokens\":\(prompt + completion),\"completion_tokens\":\(completion)"
  }

  /// Returns the prompt tokens in blocks that the request has added to the cache.
  private func createdCacheTokens(_ usage: TokenUsage) -> Int {
    let full = (usage.promptTokens ?? 0) / blockTokens * blockTokens
    return max(0, full - (usage.cachedTokens ?? 0))
  }

  private static let fingerprint = ",\"system_fingerprint\":\"engine-sim\""
}
