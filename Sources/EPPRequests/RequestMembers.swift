import EPPCore

/// What a request's top-level members say, gathered in one pass; the prompt's text goes straight to its place.
struct RequestMembers {
  var model: JSONText?
  var isStreaming = false
  var maximumOutputTokens: UInt64?
  var cacheSalt: JSONText?
  /// What stands before the messages wherever the client wrote it: tools, then the system's text.
  var tools: Range<Int>?
  var system: [UInt8] = []
  /// Whether the member that holds the prompt was there.
  var hasPrompt = false

  enum Member {
    case model
    case stream
    case maximumTokens
    case cacheSalt
    case tools
    case system
    case prompt
  }

  /// Which member of an API a key is; nil for one that does not matter here.
  static func member(_ key: JSONText, _ bytes: RawSpan, _ api: InferenceAPI) -> Member? {
    if key.equals("model", in: bytes) { return .model }
    if key.equals("stream", in: bytes) { return .stream }
    if key.equals("cache_salt", in: bytes) { return .cacheSalt }
    switch api {
    case .chatCompletions:
      if key.equals("messages", in: bytes) { return .prompt }
      if key.equals("tools", in: bytes) { return .tools }
      if key.equals("max_completion_tokens", in: bytes) || key.equals("max_tokens", in: bytes) { return .maximumTokens }
    case .completions:
      if key.equals("prompt", in: bytes) { return .prompt }
      if key.equals("max_tokens", in: bytes) { return .maximumTokens }
    case .embeddings:
      if key.equals("input", in: bytes) { return .prompt }
    case .responses:
      if key.equals("input", in: bytes) { return .prompt }
      if key.equals("tools", in: bytes) { return .tools }
      if key.equals("instructions", in: bytes) { return .system }
      if key.equals("max_output_tokens", in: bytes) { return .maximumTokens }
    case .conversations:
      if key.equals("items", in: bytes) { return .prompt }
    case .imageGenerations:
      if key.equals("prompt", in: bytes) { return .prompt }
    case .messages, .messagesCountTokens:
      if key.equals("messages", in: bytes) { return .prompt }
      if key.equals("tools", in: bytes) { return .tools }
      if key.equals("system", in: bytes) { return .system }
      if key.equals("max_tokens", in: bytes) { return .maximumTokens }
    case .passthrough:
      break
    }
    return nil
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
