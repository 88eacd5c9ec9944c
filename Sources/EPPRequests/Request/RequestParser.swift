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
