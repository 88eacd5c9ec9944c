import EPPCore

/// From what was gathered to the request.
extension RequestParser {
  /// Puts tools and the system's text before the messages, and names the one prompt of a chat.
  func complete(_ prompt: inout CanonicalPrompt, _ members: RequestMembers, _ body: RawSpan) throws(JSONError) {
    guard case .read = members.prompt, prompt.prompts.isEmpty else { return }
    if members.tools != nil || members.system != nil {
      var head = CanonicalPrompt()
      try appendHead(&head, members, body)
      prompt.bytes.insert(contentsOf: head.bytes, at: 0)
    }
    prompt.prompts.append(0..<prompt.bytes.count)
  }

  private func appendHead(
    _ head: inout CanonicalPrompt, _ members: RequestMembers, _ body: RawSpan
  ) throws(JSONError) {
    head.bytes.reserveCapacity((members.tools?.count ?? 0) + (members.system?.count ?? 0) + 2)
    if let tools = members.tools {
      head.bytes.append(PromptMark.tools)
      let start = head.bytes.count
      var cursor = JSONCursor(tools)
      try head.appendValue(&cursor, body)
      // An empty list is no tools.
      if head.bytes[start...].elementsEqual("[]".utf8) { head.bytes.removeAll(keepingCapacity: true) }
    }
    if let system = members.system {
      head.bytes.append(PromptMark.system)
      let start = head.bytes.count
      try head.appendContent(system, body)
      if head.bytes.count == start { head.bytes.removeLast() }
    }
  }

  /// The request, when all that it needs is there.
  func request(
    _ api: InferenceAPI, _ body: RawSpan, _ members: RequestMembers, _ prompt: CanonicalPrompt
  ) throws(Rejection) -> InferenceRequest {
    guard members.isObject else { throw Rejection(.badRequest, "the request body has to be a JSON object") }
    let model: JSONText
    switch members.model {
    case .text(let text): model = text
    case .missing: throw fault("model", "is missing")
    case .notText: throw fault("model", "has to be a string")
    }
    guard !model.range.isEmpty else { throw fault("model", "is empty") }
    return InferenceRequest(
      api: api, model: model.string(in: body), modelRange: model.quotedRange,
      cacheSalt: members.cacheSalt?.string(in: body),
      promptTokens: prompt.isTokens ? prompt.tokens.count : (prompt.bytes.count + 3) / 4, bodyBytes: body.byteCount,
      readsNoCache: members.readsNoCache(api), choices: members.choices, memberNames: members.names)
  }

  private func fault(_ field: String, _ problem: String) -> Rejection {
    Rejection(.badRequest, "'\(field)' \(problem)", field: field)
  }
}
