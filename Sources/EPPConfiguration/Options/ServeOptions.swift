/// What was given on the command line, as it was given: nil where a flag was not. Checked by `validated`.
///
/// An empty text counts as not given, because charts pass `--pool-name ""` for what is not set.
package struct ServeOptions: Sendable {
  // MARK: Listening
  package var bindAddress = "0.0.0.0"
  package var grpcPort = 9002
  package var healthPort = 9003
  package var metricsPort = 9090
  package var workers: Int?
  package var gathersWrites = true
  package var maximumReceiveMessage: String?
  package var maximumSendMessage: String?
  package var maximumConcurrentStreams = 100_000
  package var drainTimeout = "30s"

  // MARK: TLS
  package var secureServing = true
  package var certPath: String?
  package var certReload = false
  package var tlsMinimumVersion: String?
  package var tlsCipherSuites: [String] = []

  // MARK: Endpoints
  package var endpoints: [String] = []
  package var endpointsFile: String?
  package var poolName: String?
  package var endpointSelector: String?
  package var endpointTargetPorts: [String] = []
  package var refreshInterval = "50ms"
  package var poolMetricsInterval = "5s"
  package var stalenessThreshold = "2s"

  // MARK: Scheduling
  package var configFile: String?
  package var configText: String?
  package var profile: String?
  package var scorers: [String] = []
  package var picker: String?
  package var disableSubsetFilter = false
  package var emitScores = false

  // MARK: Prefix caches
  package var prefixMode = "auto"
  package var kvEventsPort: Int?
  package var kvReplayPort: Int?
  package var kvDataParallelSize: Int?
  package var kvEventsBind: String?
  package var speculativePrefix: Bool?
  package var tokenSource = "render"
  package var tokenDeadline = "20ms"
  package var maximumIndex = "2Gi"
  package var indexSnapshot: String?
  package var hashSecretFile: String?

  // MARK: Limits
  package var maximumRequestBody = "32Mi"
  package var maximumBuffered = "1Gi"
  package var requestDeadline = "30s"
  package var responseProcessing = "full"

  // MARK: Observability
  package var legacyMetrics = true
  package var streamMetrics = false
  package var metricsAuthentication = false
  /// `--metrics-cert-dir` or `--metrics-client-ca-file`.
  package var metricsCertificates: String?
  package var pprof: Bool?
  package var tracing = false
  package var verbosity = 2
  package var logFormat: String?
  package var zapEncoder: String?
  package var zapDevelopment: Bool?
  package var zapLogLevel: String?

  // MARK: Compatibility
  package var leaderElection = false
  /// Flags that the anchor has given up, as they were given.
  package var deprecated: [String] = []
  /// What `boolean` could not read, a sentence each.
  var malformed: [String] = []

  package init() {}
}
