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
  /// Flags and parts of the configuration file that have no effect, one sentence for each, to be logged at the start.
  package var warnings: [String]
}
