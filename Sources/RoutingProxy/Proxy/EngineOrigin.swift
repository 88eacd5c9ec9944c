package import EPPCore

/// What an engine does for a request.
package enum EngineRole: String, Sendable, CaseIterable {
  case decoder
  case prefiller
  case encoder
}

/// Where a connection of the proxy leads.
package struct EngineOrigin: Hashable, Sendable {
  /// What the engine does; whether its connections are encrypted depends on that.
  package var role: EngineRole
  package var address: EndpointAddress

  package init(_ role: EngineRole, _ address: EndpointAddress) {
    self.role = role
    self.address = address
  }
}
