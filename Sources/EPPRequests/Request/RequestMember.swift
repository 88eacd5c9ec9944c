import EPPCore

/// The top-level members that matter here.
enum RequestMember {
  case model
  case prompt
  case tools
  case system
  case stream
  case cacheSalt
  case maximumTokens
  case maximumCompletionTokens
  case promptLogprobs
  case logprobs
  case echo
  case choices

  /// Which member of an API a key is; nil for one that does not matter.
  init?(_ key: JSONText, _ body: RawSpan, _ api: InferenceAPI) {
    if key.equals("model", in: body) {
      self = .model
    } else if key.equals("stream", in: body) {
      self = .stream
    } else if key.equals("cache_salt", in: body) {
      self = .cacheSalt
    } else if key.equals(Self.promptName(api), in: body) {
      self = .prompt
    } else {
      switch api {
      case .chatCompletions:
        if key.equals("tools", in: body) {
          self = .tools
        } else if key.equals("max_tokens", in: body) {
          self = .maximumTokens
        } else if key.equals("max_completion_tokens", in: body) {
          self = .maximumCompletionTokens
        } else if let member = Self.generation(key, body) {
          self = member
        } else {
          return nil
        }
      case .completions:
        if key.equals("max_tokens", in: body) {
          self = .maximumTokens
        } else if key.equals("logprobs", in: body) {
          self = .logprobs
        } else if let member = Self.generation(key, body) {
          self = member
        } else {
          return nil
        }
      case .responses:
        if key.equals("tools", in: body) {
          self = .tools
        } else if key.equals("instructions", in: body) {
          self = .system
        } else if key.equals("max_output_tokens", in: body) {
          self = .maximumTokens
        } else {
          return nil
        }
      case .messages, .messagesCountTokens:
        if key.equals("tools", in: body) {
          self = .tools
        } else if key.equals("system", in: body) {
          self = .system
        } else if key.equals("max_tokens", in: body) {
          self = .maximumTokens
        } else {
          return nil
        }
      case .embeddings, .conversations, .imageGenerations, .passthrough:
        return nil
      }
    }
  }

  /// Members that chats and completions have in common, and that say how an engine uses its cache.
  private static func generation(_ key: JSONText, _ body: RawSpan) -> RequestMember? {
    if key.equals("prompt_logprobs", in: body) { return .promptLogprobs }
    if key.equals("echo", in: body) { return .echo }
    return key.equals("n", in: body) ? .choices : nil
  }

  /// The name of the member that holds an API's prompt.
  static func promptName(_ api: InferenceAPI) -> String {
    switch api {
    case .chatCompletions, .messages, .messagesCountTokens: "messages"
    case .completions, .imageGenerations: "prompt"
    case .embeddings, .responses: "input"
    case .conversations: "items"
    case .passthrough: ""
    }
  }
}
