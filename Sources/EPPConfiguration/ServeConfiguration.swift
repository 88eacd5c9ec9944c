/// The complete and checked configuration of `epp serve`.
package struct ServeConfiguration: Sendable, Equatable {
  /// Ports, threads and limits of the servers.
  package var listening: ListeningSettings
  /// TLS of the ext_proc port.
  package var tls: TLSSettings
  /// Discovery and scraping of endpoints.
  package var endpoints: EndpointSettings
  /// The choice of endpoints.
  package var scheduling: SchedulingSettings
  /// The index of the engines' prefix caches.
  package var cache: CacheSettings
  /// Limits of requests.
  package var limits: LimitSettings
  /// Logs and metrics.
  package var observability: ObservabilitySettings
  /// The admin server.
  package var admin: AdminSettings
  /// The configuration file; nil when there is none.
  package var text: ConfigurationText?
  /// Flags and parts of the configuration file that have no effect, one sentence for each, to be logged at the start.
  package var warnings: [String]
}

/// A configuration file as it was read.
package struct ConfigurationText: Sendable, Equatable {
  /// Where a configuration file is from.
  package enum Origin: Sendable, Equatable, CustomStringConvertible {
    /// From the file at a path, of `--config-file`.
    case file(String)
    /// From the flag `--config-text` itself.
    case text

    /// The path, or the flag.
    package var description: String {
      switch self {
      case .file(let path): path
      case .text: "--config-text"
      }
    }
  }

  /// Where it is from.
  package var origin: Origin
  /// The text, YAML or JSON.
  package var text: String

  /// The path of the file; nil for a text of a flag.
  package var path: String? {
    if case .file(let path) = origin { path } else { nil }
  }

  package init(origin: Origin, text: String) {
    self.origin = origin
    self.text = text
  }
}
