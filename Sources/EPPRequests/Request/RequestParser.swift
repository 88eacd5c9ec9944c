package import EPPCore

/// Reads what routing needs out of a request body, in one pass over its bytes.
///
/// The canonical prompt does not depend on the order in which a client writes members, nor on how it escapes: tools and
/// system text stand before the messages, role before content, as chat templates put them.
package struct RequestParser: Sendable {
  /// A parser keeps nothing from one body to the next.
  package init() {}

  /// - Parameters:
  ///   - api: `.passthrough` leaves the body unread.
  ///   - body: the whole body.
  ///   - prompt: filled with the prompt in canonical form; its storage is reused. Empty after an error.
  ///     Empty also where the body has no prompt, or one in a form that is not known: such a request is routed without it, and
  ///     the engine says what is wrong, if anything is.
  /// - Throws: a 400 when the body is no JSON object or names no model.
  package func parse(
    api: InferenceAPI, body: RawSpan, prompt: inout CanonicalPrompt
  ) throws(Rejection) -> InferenceRequest {
    prompt.removeAll()
    guard api != .passthrough else { return InferenceRequest(api: .passthrough, bodyBytes: body.byteCount) }
    guard body.byteCount > 0 else {
      throw Rejection(.badRequest, "the request body is empty; a JSON object is expected")
    }
    let members: RequestMembers
    do {
      members = try RequestMembers(api, body, &prompt)
      try complete(&prompt, members, body)
    } catch {
      prompt.removeAll()
      let fault = error.reason == .tooDeep ? "cannot be read" : "is not valid JSON"
      throw Rejection(
        .badRequest, "the request body \(fault): \(error.reason.rawValue) (at byte \(error.offset))")
    }
    if case .read = members.prompt {} else { prompt.removeAll() }
    do {
      return try request(api, body, members, prompt)
    } catch {
      prompt.removeAll()
      throw error
    }
  }
}

/// From what was gathered to the request.
extension RequestParser {
  /// Puts tools and the system's text before the messages, and names the one prompt of a chat.
  private func complete(_ prompt: inout CanonicalPrompt, _ members: RequestMembers, _ body: RawSpan) throws(JSONError) {
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
  private func request(
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
