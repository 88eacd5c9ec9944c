package import EPPTracing

/// Where spans go, and which: OpenTelemetry's environment variables.
package struct TraceSettings: Sendable, Equatable {
  /// What is said of the process.
  package struct Attribute: Sendable, Equatable {
    package var key: String
    package var value: String
  }

  /// A header of export requests.
  package struct Header: Sendable, Equatable {
    package var name: String
    package var value: String
  }

  /// A collector that takes OTLP over HTTP.
  package struct Collector: Sendable, Equatable {
    /// Where spans are sent.
    package var url: String
    package var headers: [Header] = []
    /// Longest time for one attempt.
    package var timeout = Duration.seconds(10)
    /// Certificates of the authorities that the collector's certificate is checked by; nil for those of the system.
    package var authorityFile: String?
    /// The certificate and the key that are shown to the collector; nil for none.
    package var certificateFile: String?
    package var keyFile: String?
  }

  /// Where spans go.
  package enum Destination: Sendable, Equatable {
    case collector(Collector)
    /// Each batch on one line of standard output.
    case console
  }

  package var destination: Destination
  package var sampler = TraceSampler.standard
  /// What is said of the process, `service.name` among it.
  package var resource: [Attribute] = []
  /// Longest time that a span waits for others.
  package var delay = Duration.seconds(5)
  /// Most spans that wait.
  package var capacity = 2048
  /// Most spans of one export.
  package var batch = 512
  /// Time after which a batch that cannot be exported is dropped.
  package var exportTimeout = Duration.seconds(30)

  package init(destination: Destination) { self.destination = destination }
}
