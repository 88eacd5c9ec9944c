import ArgumentParser
import EPPConfiguration

struct ListeningFlags: ParsableArguments {
  @Option(help: "Address to listen on; :: is all IPv6 and IPv4 interfaces.")
  var bindAddress = "0.0.0.0"
  @Option(help: "Port of ext_proc; 0 takes a free one, here and below.")
  var grpcPort = 9002
  @Option(help: "Port of gRPC health checks alone, in plain text.")
  var grpcHealthPort = 9003
  @Option(help: "Port of /metrics, /healthz and /readyz.")
  var metricsPort = 9090
  @Option(help: "Threads that serve ext_proc (default: one per core).")
  var workers: Int?
  @Option(help: "Largest message that is received, such as 64MiB (the default; the anchor's is 4 MiB).")
  var grpcMaxRecvMsgSize: String?
  @Option(help: .hidden)
  var grpcMaxSendMsgSize: String?
  @Option(help: "Open ext_proc streams per connection.")
  var maxConcurrentStreams = 100_000
  @Option(help: "From SIGTERM to the end of the last stream.")
  var drainTimeout = "30s"

  func apply(to options: inout ServeOptions) {
    options.bindAddress = bindAddress
    options.grpcPort = grpcPort
    options.healthPort = grpcHealthPort
    options.metricsPort = metricsPort
    options.workers = workers
    options.maximumReceiveMessage = grpcMaxRecvMsgSize
    options.maximumSendMessage = grpcMaxSendMsgSize
    options.maximumConcurrentStreams = maxConcurrentStreams
    options.drainTimeout = drainTimeout
  }
}

struct TLSFlags: ParsableArguments {
  @Option(
    name: .customLong("secure-serving"), defaultAsFlag: GoBoolean(true),
    help: "TLS on the ext_proc port (default: true; with a certificate made at start unless --cert-path is given).")
  var secureServing: GoBoolean?
  @Option(help: "Folder with tls.crt and tls.key.")
  var certPath: String?
  @Option(name: .customLong("enable-cert-reload"), defaultAsFlag: GoBoolean(true), help: .hidden)
  var enableCertReload: GoBoolean?
  @Option(help: .hidden)
  var tlsMinVersion: String?
  @Option(help: .hidden)
  var tlsCipherSuites: [String] = []

  func apply(to options: inout ServeOptions) {
    options.secureServing = secureServing?.value ?? true
    options.certPath = certPath.flatMap { $0.isEmpty ? nil : $0 }
    options.certReload = enableCertReload?.value ?? false
    options.tlsMinimumVersion = tlsMinVersion
    options.tlsCipherSuites = tlsCipherSuites
  }
}

struct EndpointFlags: ParsableArguments {
  @Option(help: ArgumentHelp("An engine; repeatable. A host name is resolved and followed.", valueName: "host:port"))
  var endpoint: [String] = []
  @Option(help: ArgumentHelp("File that lists engines; watched. The format of llm-d's file discovery.", valueName: "file"))
  var endpointsFile: String?
  @Option(help: .hidden)
  var poolName: String?
  @Option(help: .hidden)
  var poolNamespace: String?
  @Option(help: .hidden)
  var poolGroup: String?
  @Option(help: .hidden)
  var endpointSelector: String?
  @Option(help: .hidden)
  var endpointTargetPorts: [String] = []
  @Option(help: "Time from one scrape of an engine to the next; at least 50ms.")
  var refreshMetricsInterval = "50ms"
  @Option(help: "Time from one refresh of the pool's gauges to the next.")
  var refreshPrometheusMetricsInterval = "5s"
  @Option(help: "Age at which an engine's metrics are stale: its load is then judged by own requests in flight.")
  var metricsStalenessThreshold = "2s"

  func apply(to options: inout ServeOptions) {
    options.endpoints = endpoint
    options.endpointsFile = endpointsFile
    options.poolName = poolName
    options.endpointSelector = endpointSelector
    options.refreshInterval = refreshMetricsInterval
    options.poolMetricsInterval = refreshPrometheusMetricsInterval
    options.stalenessThreshold = metricsStalenessThreshold
  }
}

struct SchedulingFlags: ParsableArguments {
  @Option(help: "EndpointPickerConfig file; `epp validate` checks one.")
  var configFile: String?
  @Option(help: "The same as text.")
  var configText: String?
  @Option(help: "A profile that ships: weighted. Goes before the configuration file's.")
  var profile: String?
  @Option(
    help: ArgumentHelp(
      "A scorer and its weight, such as queue-scorer=2; repeatable. Naming any replaces the default set.",
      valueName: "name=weight"))
  var scorer: [String] = []
  @Option(help: "max-score-picker or random-picker.")
  var picker: String?
  @Option(
    name: .customLong("disable-endpoint-subset-filter"), defaultAsFlag: GoBoolean(true),
    help: "Ignore the gateway's subset hint.")
  var disableEndpointSubsetFilter: GoBoolean?
  @Option(
    name: .customLong("emit-endpoint-scores"), defaultAsFlag: GoBoolean(true),
    help: "Put all scores into the answer's dynamic metadata.")
  var emitEndpointScores: GoBoolean?
  @Option(name: .customLong("allow-experimental-plugins"), defaultAsFlag: GoBoolean(true), help: .hidden)
  var allowExperimentalPlugins: GoBoolean?

  func apply(to options: inout ServeOptions) {
    options.configFile = configFile.flatMap { $0.isEmpty ? nil : $0 }
    options.configText = configText.flatMap { $0.isEmpty ? nil : $0 }
    options.profile = profile
    options.scorers = scorer
    options.picker = picker
    options.disableSubsetFilter = disableEndpointSubsetFilter?.value ?? false
    options.emitScores = emitEndpointScores?.value ?? false
  }
}

struct LimitFlags: ParsableArguments {
  @Option(help: "Largest request body; a larger one is answered with 413.")
  var maxRequestBodyBytes = "32Mi"
  @Option(help: "Bytes of request bodies held at one time; past it requests are answered with 503.")
  var maxBufferedBytes = "1Gi"
  @Option(help: "Time for a request to arrive and be decided; past it it is answered with 503.")
  var requestDeadline = "30s"
  @Option(
    help: """
      How many answers are looked at: full, sampled (one in 16) or none. Streams of the others end with their request, \
      which is cheap; use it with engines that read a request before they answer, as vLLM does.
      """)
  var responseProcessing = "full"

  func apply(to options: inout ServeOptions) {
    options.maximumRequestBody = maxRequestBodyBytes
    options.maximumBuffered = maxBufferedBytes
    options.requestDeadline = requestDeadline
    options.responseProcessing = responseProcessing
  }
}

struct ObservabilityFlags: ParsableArguments {
  @Option(name: [.customShort("v"), .customLong("v")], help: "Verbosity: 2 default, 3 a line per request, 4 debug, 5 trace.")
  var verbosity = 2
  @Option(help: "text or json (default: text).")
  var logFormat: String?
  @Option(
    name: .customLong("legacy-metrics"), defaultAsFlag: GoBoolean(true),
    help: "Write the older metric names too (default: true).")
  var legacyMetrics: GoBoolean?
  @Option(
    name: .customLong("enable-grpc-stream-metrics"), defaultAsFlag: GoBoolean(true),
    help: "Write the metrics of ext_proc streams.")
  var enableGrpcStreamMetrics: GoBoolean?
  @Option(
    name: .customLong("metrics-endpoint-auth"), defaultAsFlag: GoBoolean(true),
    help: "Not supported yet; metrics are served without authentication (the anchor's default is true).")
  var metricsEndpointAuth: GoBoolean?
  @Option(name: .customLong("tracing"), defaultAsFlag: GoBoolean(true), help: "Off; has no effect yet (the anchor's default is true).")
  var tracing: GoBoolean?
  @Option(help: .hidden)
  var metricsCertDir: String?
  @Option(help: .hidden)
  var metricsClientCaFile: String?
  @Option(name: .customLong("enable-pprof"), defaultAsFlag: GoBoolean(true), help: .hidden)
  var enablePprof: GoBoolean?
  @Option(name: .customLong("zap-encoder"), help: .hidden)
  var zapEncoder: String?
  @Option(name: .customLong("zap-log-level"), help: .hidden)
  var zapLogLevel: String?
  @Option(name: .customLong("zap-devel"), defaultAsFlag: GoBoolean(true), help: .hidden)
  var zapDevel: GoBoolean?
  @Option(name: .customLong("zap-stacktrace-level"), help: .hidden)
  var zapStacktraceLevel: String?
  @Option(name: .customLong("zap-time-encoding"), help: .hidden)
  var zapTimeEncoding: String?

  func apply(to options: inout ServeOptions) {
    options.verbosity = verbosity
    options.logFormat = logFormat
    options.legacyMetrics = legacyMetrics?.value ?? true
    options.streamMetrics = enableGrpcStreamMetrics?.value ?? false
    options.metricsAuthentication = metricsEndpointAuth?.value ?? false
    options.metricsCertificates = metricsCertDir ?? metricsClientCaFile
    options.tracing = tracing?.value ?? false
    options.pprof = enablePprof?.value
    options.zapEncoder = zapEncoder
    options.zapLogLevel = zapLogLevel
  }
}

/// Flags of the anchor that have no place elsewhere.
struct CompatibilityFlags: ParsableArguments {
  @Option(name: .customLong("ha-enable-leader-election"), defaultAsFlag: GoBoolean(true), help: .hidden)
  var haEnableLeaderElection: GoBoolean?
  @Option(name: .customLong("health-checking"), defaultAsFlag: GoBoolean(true), help: .hidden)
  var healthChecking: GoBoolean?
  @Option(help: .hidden)
  var totalQueuedRequestsMetric: String?
  @Option(help: .hidden)
  var totalRunningRequestsMetric: String?
  @Option(help: .hidden)
  var kvCacheUsagePercentageMetric: String?
  @Option(help: .hidden)
  var loraInfoMetric: String?
  @Option(help: .hidden)
  var cacheInfoMetric: String?

  func apply(to options: inout ServeOptions) {
    options.leaderElection = haEnableLeaderElection?.value ?? false
    let deprecated: [(String, String?)] = [
      ("--total-queued-requests-metric", totalQueuedRequestsMetric),
      ("--total-running-requests-metric", totalRunningRequestsMetric),
      ("--kv-cache-usage-percentage-metric", kvCacheUsagePercentageMetric), ("--lora-info-metric", loraInfoMetric),
      ("--cache-info-metric", cacheInfoMetric),
    ]
    options.deprecated = deprecated.compactMap { $0.1 == nil ? nil : $0.0 }
  }
}
