import EPPCore
import EPPRequests

extension GenerationRequest {
  /// Reads a body. Throws the error that vLLM answers.
  package init(api: API, body: [UInt8]) throws(APIError) {
    var prompt = CanonicalPrompt()
    let request: InferenceRequest
    let bytes = unsafe body.span.bytes
    do {
      request = try RequestParser().parse(
        api: api == .chat ? .chatCompletions : .completions, body: bytes, prompt: &prompt)
    } catch {
      throw APIError(error)
    }
    let fields = try RequestFields(
      ["stream_options.include_usage", "stream_options.continuous_usage_stats", "n"], from: body)
    self.init(api: api, prompts: Self.texts(of: prompt, api: api))
    model = request.model
    isStreaming = request.isStreaming
    includesUsage = fields.booleans["stream_options.include_usage"] ?? false
    includesContinuousUsage = includesUsage && fields.booleans["stream_options.continuous_usage_stats"] ?? false
    maximumOutputTokens = request.maximumOutputTokens
    answersPerPrompt = fields.numbers["n"].flatMap { Int(exactly: $0) } ?? 1
    cacheSalt = request.cacheSalt
    try checkNumbers()
  }

  /// An answer of a chat without its text, in canonical form.
  private static let startOfAnswer: [UInt8] = {
    let message = Array(#"{"model":"m","messages":[{"role":"assistant","content":""}]}"#.utf8)
    let bytes = unsafe message.span.bytes
    var answer = CanonicalPrompt()
    _ = try? RequestParser().parse(api: .chatCompletions, body: bytes, prompt: &answer)
    return answer.bytes
  }()

  private func checkNumbers() throws(APIError) {
    if let maximumOutputTokens, maximumOutputTokens < 1 {
      throw APIError.badValue(
        "max_tokens must be at least 1, got \(maximumOutputTokens).", parameter: "max_tokens",
        value: "\(maximumOutputTokens)")
    }
    guard answersPerPrompt >= 1, answersPerPrompt <= Self.maximumAnswers,
      answersPerPrompt * prompts.count <= Self.maximumAnswers
    else {
      throw APIError.badValue(
        "n must be at least 1, and n times the number of prompts at most \(Self.maximumAnswers).", parameter: "n",
        value: "\(answersPerPrompt)")
    }
  }

  /// The text of each prompt. A chat's ends as the next turn goes on, with the mark and the role of an answer, so that the
  /// next turn, with the answer in it, begins with the same bytes. A token id takes the 4 bytes of a token.
  private static func texts(of prompt: CanonicalPrompt, api: API) -> [[UInt8]] {
    switch api {
    case .chat: return [prompt.bytes + startOfAnswer]
    case .completions:
      if prompt.isTokens {
        return prompt.prompts.map { range in
          prompt.tokens[range].flatMap { token in (0..<4).map { UInt8(truncatingIfNeeded: token >> (24 - 8 * $0)) } }
        }
      }
      return prompt.prompts.map { Array(prompt.bytes[$0]) }
    }
  }
}

extension APIError {
  /// What vLLM says where the request parser finds the same fault.
  fileprivate init(_ rejection: Rejection) {
    switch rejection.field {
    case "prompt": self = .missingPrompt
    case let field?: self = .validation("missing", location: "body.\(field)", message: rejection.message)
    case nil: self = .validation("json_invalid", location: "body", message: rejection.message)
    }
  }
}
