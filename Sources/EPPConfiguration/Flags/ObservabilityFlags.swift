import ArgumentParser

/// Flags of logs, metrics and traces.
package struct ObservabilityFlags: ParsableArguments {
  private static let legacy = BooleanFlag("legacy-metrics", default: true)
  private static let streams = BooleanFlag("enable-grpc-stream-metrics", default: false)
  /// Its default is true with pods of Kubernetes, as in llm-d.
  private static let authentication = BooleanFlag("metrics-endpoint-auth", default: false)
  private static let traces = BooleanFlag("tracing", default: false)
  private static let profiles = BooleanFlag("enable-pprof", default: false)

  @OptionGroup var log: LogFlags
  @Option(
    name: legacy.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: legacy.help("Write the older metric names too"))
  var legacyMetrics: GoBoolean?
  @Option(
    name: streams.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: streams.help("Write the metrics of ext_proc streams"))
  var enableGrpcStreamMetrics: GoBoolean?
  @Option(
    name: authentication.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ArgumentHelp(
      "/metrics wants the token of a service account that may get it; on where --pool-name or --endpoint-selector names the "
        + "engines, else off.", valueName: "bool"))
  var metricsEndpointAuth: GoBoolean?
  @Option(
    name: traces.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: traces.help("Record and export traces of requests; OTEL_* variables say where to and how many"))
  var tracing: GoBoolean?
  @Option(
    name: profiles.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: profiles.help("Has no effect: there is no Go runtime to profile", visibility: .hidden))
  var enablePprof: GoBoolean?
  @Option(
    help: ArgumentHelp(
      "Folder with tls.crt and tls.key for TLS on --metrics-port. New files are taken while it serves.",
      valueName: "folder"))
  var metricsCertDir: String?
  @Option(
    help: ArgumentHelp(
      "Certificates of authorities: clients of --metrics-port have to show a certificate of one.", valueName: "file"))
  var metricsClientCaFile: String?

  @Option(
    help: ArgumentHelp(
      "Distinct values of the label fairness_id; further ones are counted as 'other', and with 0 all of them.",
      valueName: "count"))
  var fairnessIdMetricLabelLimit = 1000

  package init() {}

  /// Checks the flags, and returns their settings.
  ///
  /// - Parameter isInKubernetes: Whether there is an API server, which knows tokens.
  func checked(_ check: inout FlagCheck, isInKubernetes: Bool) -> ObservabilitySettings {
    let authenticates = check.given(metricsEndpointAuth, Self.authentication) ?? isInKubernetes
    if authenticates, !isInKubernetes {
      check.warnings.append(
        "--metrics-endpoint-auth has no effect without --pool-name or --endpoint-selector alone: no API server reviews tokens; "
          + "let only monitoring reach --metrics-port")
    }
    if metricsClientCaFile.given != nil, metricsCertDir.given == nil {
      check.problem("--metrics-client-ca-file needs --metrics-cert-dir: without TLS, clients show no certificate")
    }
    let tracing = check.boolean(tracing, Self.traces)
    if check.boolean(enablePprof, Self.profiles) {
      check.warnings.append("--enable-pprof has no effect: there is no Go runtime to profile")
    }
    if !(0...1_000_000).contains(fairnessIdMetricLabelLimit) {
      check.problem("--fairness-id-metric-label-limit: \(fairnessIdMetricLabelLimit) is not from 0 to 1000000")
    }
    let log = log.checked(&check)
    return ObservabilitySettings(
      legacyMetrics: check.boolean(legacyMetrics, Self.legacy),
      streamMetrics: check.boolean(enableGrpcStreamMetrics, Self.streams), verbosity: log.verbosity,
      logStyle: log.style, authenticates: authenticates && isInKubernetes,
      certificateFolder: metricsCertDir.given, clientAuthorityFile: metricsClientCaFile.given,
      fairnessIDLimit: fairnessIdMetricLabelLimit, tracing: tracing)
  }
}

/// The settings of logs, metrics and traces, from `ObservabilityFlags`.
package struct ObservabilitySettings: Sendable, Equatable {
  /// Whether metrics are also written with their older names.
  package var legacyMetrics: Bool
  /// Whether the metrics of ext_proc streams are written.
  package var streamMetrics: Bool
  /// How much is logged, 0...5 as in llm-d; the default is 2.
  package var verbosity: Int
  /// The format of log lines.
  package var logStyle: LogStyle
  /// Whether pages of metrics want a token that the API server of Kubernetes reviews.
  package var authenticates: Bool
  /// The folder with `tls.crt` and `tls.key` of the metrics port; nil for plain text.
  package var certificateFolder: String?
  /// The file with certificates of the authorities of clients of the metrics port; nil asks clients for none.
  package var clientAuthorityFile: String?
  /// Distinct fairness ids that are label values; further ones are folded.
  package var fairnessIDLimit: Int
  /// Whether traces are recorded.
  package var tracing: Bool
}
