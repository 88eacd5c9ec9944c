package import EPPCore

/// A place in a request's headers that may hold a session id or a session token.
package enum SessionIDSource: Hashable, Sendable {
  /// The first header with this name, lower case.
  case header(String)
  /// The first cookie with this name; names of cookies are case-sensitive.
  case cookie(String)

  /// The value without white space at its ends; nil when there is none or when it is empty. Does not allocate.
  package func value(in headers: RequestHeaders) -> Substring? {
    switch self {
    case .header(let name):
      guard let value = headers.first(name)?.trimmed, !value.isEmpty else { return nil }
      return value
    case .cookie(let name): return CookieReader.value(of: name, in: headers)
    }
  }

  /// The header that has to be kept, lower case.
  package var headerName: String {
    switch self {
    case .header(let name): name
    case .cookie: HeaderName.cookie
    }
  }
}

/// The session ids that data producers provide to other plugins as attributes of a request.
package struct SessionAttributes: Sendable, Equatable {
  /// A producer with its attribute.
  private struct Producer: Sendable, Equatable {
    /// The name that the configuration gives to the plugin.
    var name: String
    var attribute: String
    /// In the order in which they are read.
    var sources: [SessionIDSource]
  }

  private var producers: [Producer] = []

  /// The attributes of the producers among the plugins of a configuration.
  package init(_ plugins: [ConfiguredPlugin] = []) {
    for plugin in plugins {
      if let identity = plugin.settings(AgentIdentity.self) {
        producers.append(Producer(name: plugin.name, attribute: AgentIdentity.attribute, sources: identity.sources))
      }
      if let sources = plugin.settings(SessionSource.self)?.sources, !sources.isEmpty {
        producers.append(Producer(name: plugin.name, attribute: SessionSource.attribute, sources: sources))
      }
    }
  }

  /// The sources of an attribute, in the order in which they are read; empty for an attribute that nobody provides.
  ///
  /// - Parameter producer: the name of its producer; nil for the first one.
  func sources(of attribute: String, from producer: String?) -> [SessionIDSource] {
    let found = producers.first {
      $0.attribute == attribute && (producer == nil || producer == $0.name)
    }
    if let found { return found.sources }
    // Needs no settings, so the plugin that provides it may be left out.
    return attribute == AgentIdentity.attribute && producer == nil ? AgentIdentity().sources : []
  }

  /// The sources of the first producer of session ids; nil when there is none.
  var sessionIDs: [SessionIDSource]? { producers.first { $0.attribute == SessionSource.attribute }?.sources }
}
