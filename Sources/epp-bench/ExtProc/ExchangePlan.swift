import EPPCore

/// Everything that the exchanges of a run have in common.
struct ExchangePlan: Sendable {
  var address: EndpointAddress
  var connections: Int
  /// One for each group of requests that share a prefix.
  var templates: [RequestTemplate]
  var response: ResponseTemplate
  var responseChunks: Int
  var pacing: Exchange.Pacing
  /// Whether the server is sent the bodies of answers.
  var showsAnswers = true
  /// Compare the bytes of bodies, not only their number.
  var checksBodies: Bool
  var seed: UInt64
}
