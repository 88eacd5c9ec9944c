import EPPCore
package import EPPMetrics

/// The series that a proxy writes, looked up once. Any thread may use it.
package struct ProxyMetrics: Sendable {
  /// All series of the process.
  package let all: SidecarMetrics
  let connector: ConnectorMetrics
  /// The series of the encode stage; nil where there is none.
  let encode: (duration: Histogram, errors: Counter)?
  let duration: Histogram
  let requestBytes: Counter
  let responseBytes: Counter
  let inFlight: Gauge
  let connections: Gauge
  private let requests: [InferenceAPI: Counter]
  private let succeeded: Counter
  private let firstOfSessions: Counter
  private let returning: Counter

  package init(_ all: SidecarMetrics, _ connector: KVConnectorKind, _ encode: EncodeConnectorKind? = nil) {
    self.encode = encode.map {
      (all.duration(.encode, connector: $0.rawValue), all.errors(.encode, connector: $0.rawValue))
    }
    self.all = all
    self.connector = ConnectorMetrics(all, connector.rawValue)
    duration = all.durations()
    requestBytes = all.requestBytes()
    responseBytes = all.responseBytes()
    inFlight = all.requestsInFlight()
    connections = all.clientConnections()
    requests = Self.names.mapValues { all.requests(api: $0) }
    succeeded = all.answers(status: 200)
    firstOfSessions = all.sessionRequests(.first)
    returning = all.sessionRequests(.returning)
  }

  /// llm-d's names; chats of both kinds have one.
  private static let names: [InferenceAPI: String] = [
    .chatCompletions: "chat_completions", .messages: "chat_completions", .completions: "completions",
    .responses: "responses", .generate: "generate",
  ]

  func asked(for api: InferenceAPI) { requests[api]?.increment() }

  func noted(_ session: SidecarMetrics.SessionOutcome) {
    switch session {
    case .first: firstOfSessions.increment()
    case .returning: returning.increment()
    }
  }

  func answered(_ status: Int) {
    if status == 200 { succeeded.increment() } else { all.answers(status: status).increment() }
  }

  func refused(_ refusal: TargetPolicy.Refusal) { all.refusedTargets(reason: refusal.label).increment() }
}

/// The series of one connector.
struct ConnectorMetrics: Sendable {
  let requests: Counter
  let prefillDuration: Histogram
  let decodeDuration: Histogram
  let prefillErrors: Counter
  let decodeErrors: Counter
  let fallbacks: Counter

  init(_ all: SidecarMetrics, _ connector: String) {
    requests = all.disaggregated(connector: connector)
    prefillDuration = all.duration(.prefill, connector: connector)
    decodeDuration = all.duration(.decode, connector: connector)
    prefillErrors = all.errors(.prefill, connector: connector)
    decodeErrors = all.errors(.decode, connector: connector)
    fallbacks = all.fallbacks(connector: connector)
  }
}
