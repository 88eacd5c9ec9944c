package import NIOSSL

/// The encryption of a proxy's connections.
package struct ProxyTLS: Sendable {
  /// The context of a client's new connection; nil for plain text.
  package var server: (@Sendable () -> NIOSSLContext)?
  /// The contexts of connections to engines; plain text for a role without one.
  package var engines: [EngineRole: NIOSSLContext]

  package init(server: (@Sendable () -> NIOSSLContext)? = nil, engines: [EngineRole: NIOSSLContext] = [:]) {
    self.server = server
    self.engines = engines
  }
}
