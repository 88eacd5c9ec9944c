package import EPPCore
package import EPPScheduling

/// Everything that a serving picker is started with: typed, checked, complete.
package struct ServeConfiguration: Sendable, Equatable {
  package enum LogStyle: String, Sendable, CaseIterable {
    case text
    case json
  }

  package var bindAddress: String
  /// 0 binds a free port, for all three.
  package var grpcPort: Int
  package var healthPort: Int
  package var metricsPort: Int
  /// Most threads that serve ext_proc.
  package var workers: Int
  /// Whether answers to one connection may leave together.
  package var gathersWrites: Bool
  package var isSecure: Bool
  /// A folder with `tls.crt` and `tls.key`; nil makes a certificate.
  package var certificateFolder: String?
  package var maximumReceiveMessageBytes: Int
  package var maximumConcurrentStreams: Int
  package var drainTimeout: Duration

  package var endpoints: [EndpointAddress]
  package var endpointsFile: String?
  package var refreshInterval: Duration
  package var stalenessThreshold: Duration
  /// The label `name` of the pool's metrics.
  package var poolName: String

  package var profile: ProfileConfiguration
  /// The header of session ids, where plugins name none; lower case. Nil leaves it at the default.
  package var sessionHeader: String?
  /// Views of the prefix index, by the names of their producers.
  package var prefixViews: [String: PrefixView]
  /// The plugin that the prefix index belongs to, in the labels of its metrics.
  package var prefixProducer: ConfiguredPlugin
  package var prefix: PrefixSettings
  package var cache: CacheSettings
  package var ignoresSubset: Bool
  package var emitsScores: Bool

  package var maximumRequestBodyBytes: Int
  package var maximumBufferedBytes: Int
  package var requestDeadline: Duration
  package var responseProcessing: ResponseProcessing

  package var legacyMetrics: Bool
  package var streamMetrics: Bool
  /// The anchor's numbers: 2 is the default, 5 the most.
  package var verbosity: Int
  package var logStyle: LogStyle

  /// What was given and has no effect, a sentence each: logged at the start.
  package var warnings: [String]
}
