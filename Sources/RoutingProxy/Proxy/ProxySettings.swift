/// The limits of a proxy.
package struct ProxySettings: Sendable {
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
  /// The time that a client that is still sending has to see an answer before its connection is closed.
  package var lingerTimeout = Duration.seconds(2)
  /// The time that a connection to an engine without a request is kept: vLLM's server closes one after 5 s, and a request that is
  /// sent at that moment is lost.
  package var engineIdleTimeout = Duration.seconds(4)
  /// Connections without a request that each thread keeps to an engine.
  package var maximumIdleConnections = 32

  /// Requests at a time on one connection of HTTP/2.
  package var maximumStreams = 256
  /// How requests are disaggregated.
  package var disaggregation = DisaggregationSettings()

  /// The defaults.
  package init() {}
}

/// How requests are disaggregated whose headers name a prefill engine.
package struct DisaggregationSettings: Sendable {
  package var connector = KVConnectorKind.nixlv2
  package var ports = ConnectorPorts()
  /// Whether engines fetch blocks from others that hold them.
  package var fetchesFromPeers = false
  /// How encode engines pass on what they have made; nil where there is no such stage.
  package var encodeConnector: EncodeConnectorKind?
  package var retries = DisaggregatedRequest.Retries()
  package var failure = DisaggregatedRequest.PrefillFailure.local
  /// The time for a prefill engine's whole answer, in which it queues and computes the prompt; zero for any.
  package var prefillTimeout = Duration.seconds(120)
  /// The longest answer of a prefill engine, in bytes: it names the blocks of the prompt.
  package var maximumPrefillAnswerBytes = 16 << 20

  /// The defaults.
  package init() {}
}
