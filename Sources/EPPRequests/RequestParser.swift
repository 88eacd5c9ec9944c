package import EPPCore

/// Reads what routing needs out of a request body, in one pass over its bytes.
package struct RequestParser: Sendable {
  package init() {}

  /// - Parameters:
  ///   - body: the whole body.
  ///   - prompt: filled with the prompt in canonical form; its storage is reused.
  /// - Throws: a 400 that names the field, when the body is not what the API asks for.
  package func parse(
    api: InferenceAPI, body: RawSpan, prompt: inout CanonicalPrompt
  ) throws(Rejection) -> InferenceRequest {
    prompt.removeAll()
    guard api != .passthrough else { return InferenceRequest(api: .passthrough, bodyBytes: body.byteCount) }
    guard body.byteCount > 0 else { throw Rejection(.badRequest, "the request body is empty; JSON is expected") }
    do {
      let members = try read(api, body, &prompt)
      return try request(api, body, members, &prompt)
    } catch {
      throw RequestReadError(error).rejection
    }
  }

  private func read(
    _ api: InferenceAPI, _ body: RawSpan, _ prompt: inout CanonicalPrompt
  ) throws -> RequestMembers {
    var members = RequestMembers()
    var cursor = JSONCursor(body)
    guard try cursor.peek(body) == .object else {
      throw Rejection(.badRequest, "the request body has to be a JSON object")
    }
    try cursor.open(body, .object)
    var isFirst = true
    while let key = try cursor.nextMember(body, isFirst: &isFirst) {
      // Of members with the same name the last counts, for engines as for us.
      switch RequestMembers.member(key, body, api) {
      case .model:
        guard try cursor.peek(body) == .string else { throw Rejection.field("model", "has to be a string") }
        members.model = try cursor.readString(body)
      case .stream:
        members.isStreaming = false
        if try cursor.peek(body) == .boolean {
          members.isStreaming = try cursor.readBoolean(body)
        } else {
          try cursor.skipValue(body)
        }
      case .maximumTokens:
        members.maximumOutputTokens = nil
        if try cursor.peek(body) == .number {
          members.maximumOutputTokens = try cursor.readNumber(body).integer
        } else {
          try cursor.skipValue(body)
        }
      case .cacheSalt:
        members.cacheSalt = nil
        if try cursor.peek(body) == .string {
          members.cacheSalt = try cursor.readString(body)
        } else {
          try cursor.skipValue(body)
        }
      case .tools:
        let range = try cursor.skipValue(body)
        members.tools = range
      case .system:
        let range = try cursor.skipValue(body)
        var system = CanonicalPrompt()
        try system.appendContent(range, body)
        members.system = system.bytes
      case .prompt:
        prompt.removeAll()
        members.hasPrompt = try readPrompt(api, &cursor, body, &prompt)
      case nil:
        try cursor.skipValue(body)
      }
    }
    try cursor.finish(body)
    return members
  }

  /// Reads the member that holds the prompt; whether there was something in it.
  private func readPrompt(
    _ api: InferenceAPI, _ cursor: inout JSONCursor, _ body: RawSpan, _ prompt: inout CanonicalPrompt
  ) throws -> Bool {
    let field = RequestMembers.promptName(api)
    switch api {
    case .chatCompletions, .messages, .messagesCountTokens, .conversations:
      guard try cursor.peek(body) == .array else { throw Rejection.field(field, "has to be a list") }
      guard try prompt.appendMessages(&cursor, body) > 0 else { return false }
      prompt.prompts = [0..<prompt.bytes.count]
      return true
    case .responses:
      if try cursor.peek(body) == .array {
        guard try prompt.appendMessages(&cursor, body) > 0 else { return false }
        prompt.prompts = [0..<prompt.bytes.count]
        return true
      }
      fallthrough
    default:
      try prompt.appendInput(&cursor, body, field: field)
      return !prompt.prompts.isEmpty
    }
  }

  private func request(
    _ api: InferenceAPI, _ body: RawSpan, _ members: RequestMembers, _ prompt: inout CanonicalPrompt
  ) throws -> InferenceRequest {
    guard let model = members.model else { throw Rejection.field("model", "is missing") }
    guard !model.range.isEmpty else { throw Rejection.field("model", "is empty") }
    guard members.hasPrompt else {
      throw Rejection.field(RequestMembers.promptName(api), "is missing or empty")
    }
    prependHead(members, body, &prompt)
    return InferenceRequest(
      api: api, model: model.string(in: body), modelRange: model.quotedRange, isStreaming: members.isStreaming,
      maximumOutputTokens: members.maximumOutputTokens.flatMap { Int(exactly: $0) },
      cacheSalt: members.cacheSalt?.string(in: body),
      promptTokens: prompt.isTokens ? prompt.tokens.count : (prompt.bytes.count + 3) / 4, bodyBytes: body.byteCount)
  }

  /// Puts tools and the system's text before the messages, where chat templates put them.
  private func prependHead(_ members: RequestMembers, _ body: RawSpan, _ prompt: inout CanonicalPrompt) {
    guard members.tools != nil || !members.system.isEmpty, !prompt.isTokens else { return }
    var head = CanonicalPrompt()
    if let tools = members.tools {
      head.bytes.append(PromptMark.head)
      head.appendRaw(tools, body)
    }
    if !members.system.isEmpty {
      head.bytes.append(PromptMark.head)
      head.bytes.append(contentsOf: members.system)
    }
    prompt.bytes.insert(contentsOf: head.bytes, at: 0)
    prompt.segmentEnds = [head.bytes.count] + prompt.segmentEnds.map { $0 + head.bytes.count }
    prompt.prompts = [0..<prompt.bytes.count]
  }
}
