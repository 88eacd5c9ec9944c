import EPPCore

/// The settings of all exchanges of a run.
struct ExchangePlan: Sendable {
  /// The address of the server.
  var address: EndpointAddress
  /// Number of connections.
  var connections: Int
  /// A template for each group of requests that share a prefix.
  var templates: [RequestTemplate]
  /// The response to every request.
  var response: ResponseTemplate
  /// Number of chunks of a response.
  var responseChunks: Int
  /// When response chunks are sent.
  var pacing: Exchange.Pacing
  /// Whether the bodies of responses are sent to the server.
  var showsAnswers = true
  /// Whether the bytes of bodies are compared, and not only their number.
  var checksBodies: Bool
  /// Seed of the order of groups, and of the requests' numbers.
  var seed: UInt64
}
