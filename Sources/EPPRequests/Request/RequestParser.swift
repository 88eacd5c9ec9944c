package import EPPCore

/// Parses the parts of a request body that routing needs, in one pass.
///
/// The canonical prompt does not depend on the client's order of members or its escapes: tools and system text stand before the
/// messages, role before content, as in chat templates. Stateless; any thread may use it.
package struct RequestParser: Sendable {
  /// A parser; it keeps nothing between bodies.
  package init() {}

  /// Parses a request body.
  ///
  /// - Parameters:
  ///   - api: `.passthrough` leaves the body unread. A gRPC message that cannot be read has no prompt.
  ///   - body: the whole body.
  ///   - prompt: filled with the canonical prompt; its storage is reused. Empty after an error, and when the body has no prompt
  ///     or one in an unknown form: such a request is routed without it, and the engine reports errors, if any.
  /// - Throws: a 400 when the body is no JSON object or names no model.
  package func parse(
    api: InferenceAPI, body: RawSpan, prompt: inout CanonicalPrompt
  ) throws(Rejection) -> InferenceRequest {
    prompt.removeAll()
    guard api != .passthrough else { return InferenceRequest(api: .passthrough, bodyBytes: body.byteCount) }
    if api.isGRPC {
      let read = VLLMGRPCRequest(body, &prompt)
      return InferenceRequest(
        api: api, promptTokens: Self.tokens(prompt), bodyBytes: body.byteCount, readsNoCache: read.readsNoCache,
        choices: read.choices)
    }
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

/// Building the request from its members.
extension RequestParser {
  /// Inserts tools and system text before the messages, and sets the range of a chat's one prompt.
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

  /// The request.
  ///
  /// - Throws: a 400 when the body is no object, or its model is missing, no string or empty.
  private func request(
    _ api: InferenceAPI, _ body: RawSpan, _ members: RequestMembers, _ prompt: CanonicalPrompt
  ) throws(Rejection) -> InferenceRequest {
    guard members.isObject else { throw Rejection(.badRequest, "the request body has to be a JSON object") }
    let model: JSONText?
    switch members.model {
    case .text(let text): model = text
    // An engine of one model needs no name in these.
    case .missing where api == .generate || api == .sglangGenerate: model = nil
    case .missing: throw fault("model", "is missing")
    case .notText: throw fault("model", "has to be a string")
    }
    if let model, model.range.isEmpty { throw fault("model", "is empty") }
    return InferenceRequest(
      api: api, model: model?.string(in: body) ?? "", modelRange: model?.quotedRange,
      cacheSalt: members.cacheSalt?.string(in: body),
      promptTokens: Self.tokens(prompt), bodyBytes: body.byteCount,
      readsNoCache: members.readsNoCache(api), choices: members.choices, memberNames: members.names)
  }

  private static func tokens(_ prompt: borrowing CanonicalPrompt) -> Int {
    prompt.isTokens ? prompt.tokens.count : (prompt.bytes.count + 3) / 4
  }

  private func fault(_ field: String, _ problem: String) -> Rejection {
    Rejection(.badRequest, "'\(field)' \(problem)", field: field)
  }
}
