package import EPPCore

/// `agent-identity`: the session of a coding agent, by the headers that agents send with every request.
///
/// Other plugins read it as the attribute `agent-identity` of session sources, and as the fairness id of requests that name none.
package struct AgentIdentity: PluginSettings {
  /// The headers of agents in the order in which they are read: Claude Code, OpenCode, Codex, and older versions of Codex.
  package static let knownHeaders = ["x-claude-code-session-id", "x-session-affinity", "session-id", "session_id"]
  /// The attribute's key.
  static let attribute = "agent-identity"

  private static let additional = TypedParameter<[String]>.headerNames(
    "additionalSessionHeaders", "Headers that are read before those of the known agents, in this order")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "agent-identity", "Recognises the session of a coding agent by the headers that agents send",
    parameters: [additional.declaration],
    parts: [.settings(.producer) { AgentIdentity(additionalHeaders: $0[additional]) }])

  /// All headers that are read, lower case, in this order. They have to be kept.
  package let headers: [String]

  /// - Parameter additionalHeaders: headers in lower case that come before those of the known agents.
  package init(additionalHeaders: [String] = []) { headers = additionalHeaders + Self.knownHeaders }

  /// Where session ids are read.
  var sources: [SessionIDSource] { headers.map { .header($0) } }

  /// The session: the first of the headers that is not empty. Nil when the request has none of them.
  package func session(of headers: RequestHeaders) -> Substring? {
    for source in sources {
      if let session = source.value(in: headers) { return session }
    }
    return nil
  }

  /// The fairness id of a request: what its fairness header says, else the agent's session. Nil for a request that has neither.
  package func fairnessID(of headers: RequestHeaders) -> Substring? {
    if let id = headers.first(HeaderName.fairnessID, or: HeaderName.fairnessIDOld), !id.isEmpty { return id[...] }
    return session(of: headers)
  }
}
