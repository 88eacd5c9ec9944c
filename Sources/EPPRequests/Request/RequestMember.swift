import EPPCore

/// The top-level members of request bodies that routing reads.
enum RequestMember {
  case model
  case prompt(PromptForm)
  case tools
  case system
  case cacheSalt
  case promptLogprobs
  case logprobs
  case echo
  case choices

  /// The form of a prompt.
  enum PromptForm {
    /// A list of objects with a role and a content.
    case messages
    /// A list of objects with a role and a content, or a text of the user.
    case textOrMessages
    case text
    /// A text, token ids, or lists of them.
    case input
  }

  /// The member that a key names in an API; nil for one that routing does not read.
  init?(_ key: JSONText, _ body: RawSpan, _ api: InferenceAPI) {
    if key.equals("model", in: body) {
      self = .model
    } else if key.equals("cache_salt", in: body) {
      self = .cacheSalt
    } else if let form = Self.promptForm(key, body, api) {
      self = .prompt(form)
    } else {
      switch api {
      case .chatCompletions:
        if key.equals("tools", in: body) {
          self = .tools
        } else if let member = Self.generation(key, body) {
          self = member
        } else {
          return nil
        }
      case .completions:
        if key.equals("logprobs", in: body) {
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
        } else {
          return nil
        }
      case .messages, .messagesCountTokens:
        if key.equals("tools", in: body) {
          self = .tools
        } else if key.equals("system", in: body) {
          self = .system
        } else {
          return nil
        }
      case .embeddings, .conversations, .imageGenerations, .generate, .sglangGenerate, .vllmGRPCGenerate,
        .vllmGRPCEmbed, .passthrough:
        return nil
      }
    }
  }

  /// Members that chats and completions have in common and that affect an engine's use of its cache.
  private static func generation(_ key: JSONText, _ body: RawSpan) -> RequestMember? {
    if key.equals("prompt_logprobs", in: body) { return .promptLogprobs }
    if key.equals("echo", in: body) { return .echo }
    return key.equals("n", in: body) ? .choices : nil
  }

  /// The form of the prompt in a member; nil for a member that holds none.
  private static func promptForm(_ key: JSONText, _ body: RawSpan, _ api: InferenceAPI) -> PromptForm? {
    switch api {
    case .chatCompletions, .messages, .messagesCountTokens: key.equals("messages", in: body) ? .messages : nil
    case .completions: key.equals("prompt", in: body) ? .input : nil
    case .imageGenerations: key.equals("prompt", in: body) ? .text : nil
    case .embeddings:
      key.equals("input", in: body) ? .input : key.equals("messages", in: body) ? .messages : nil
    case .responses: key.equals("input", in: body) ? .textOrMessages : nil
    case .conversations: key.equals("items", in: body) ? .messages : nil
    case .generate: key.equals("token_ids", in: body) ? .input : nil
    case .sglangGenerate: key.equals("text", in: body) || key.equals("input_ids", in: body) ? .input : nil
    case .vllmGRPCGenerate, .vllmGRPCEmbed, .passthrough: nil
    }
  }
}
