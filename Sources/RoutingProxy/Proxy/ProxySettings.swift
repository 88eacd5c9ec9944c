package import EPPCore

/// Where a proxy sends requests, and its limits.
package struct ProxySettings: Sendable {
  /// The model server behind the proxy.
  package var engine: EndpointAddress
  /// The longest request body in bytes; longer ones get 413.
  package var maximumRequestBytes = 64 << 20
  /// The time for a connection to an engine.
  package var connectTimeout = Duration.seconds(5)
  /// The time in which a client has to send the head of its first request.
  package var headTimeout = Duration.seconds(10)
  /// The time without a piece of a request's body after which it is given up.
  package var bodyTimeout = Duration.seconds(60)
  /// The time that a client's connection is kept after an answer, until the head of the next request is there.
  package var clientIdleTimeout = Duration.seconds(75)
  /// The time that a connection to an engine without a request is kept: vLLM's server closes one after 5 s, and a request that is
  /// sent at that moment is lost.
  package var engineIdleTimeout = Duration.seconds(4)
  /// Connections without a request that each thread keeps to an engine.
  package var maximumIdleConnections = 32

  /// The default limits.
  package init(engine: EndpointAddress) { self.engine = engine }
}
