import ArgumentParser
import EPPConfiguration

/// Logs and metrics.
struct ObservabilityFlags: ParsableArguments {
  @Option(
    name: [.customShort("v"), .customLong("v")],
    help: ArgumentHelp("Verbosity: 3 adds a line per request, 4 debugs, 5 traces.", valueName: "level"))
  var verbosity = 2
  @Option(help: ArgumentHelp("text or json (default: text).", valueName: "format"))
  var logFormat: String?
  @Option(
    name: .customLong("legacy-metrics"), defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ArgumentHelp("Write the older metric names too (default: true).", valueName: "bool"))
  var legacyMetrics: GoBoolean?
  @Option(
    name: .customLong("enable-grpc-stream-metrics"), defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ArgumentHelp("Write the metrics of ext_proc streams (default: false).", valueName: "bool"))
  var enableGrpcStreamMetrics: GoBoolean?
  @Option(
    name: .customLong("metrics-endpoint-auth"), defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ArgumentHelp(
      "Only false is supported yet: metrics are served to everybody (default: false; llm-d's is true).",
      valueName: "bool", visibility: .hidden))
  var metricsEndpointAuth: GoBoolean?
  @Option(
    name: .customLong("tracing"), defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ArgumentHelp(
      "Has no effect yet (default: false; llm-d's is true).", valueName: "bool", visibility: .hidden))
  var tracing: GoBoolean?
  @Option(
    name: .customLong("enable-pprof"), defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ArgumentHelp("Has no effect: there is no Go runtime to profile.", valueName: "bool", visibility: .hidden))
  var enablePprof: GoBoolean?
  @Option(help: ArgumentHelp("Refused: metrics are plain text.", valueName: "folder", visibility: .hidden))
  var metricsCertDir: String?
  @Option(help: ArgumentHelp("Refused: metrics are plain text.", valueName: "file", visibility: .hidden))
  var metricsClientCaFile: String?

  func apply(to options: inout ServeOptions) {
    options.verbosity = verbosity
    options.logFormat = logFormat
    options.legacyMetrics = legacyMetrics.read("--legacy-metrics", into: &options) ?? true
    options.streamMetrics = enableGrpcStreamMetrics.read("--enable-grpc-stream-metrics", into: &options) ?? false
    options.metricsAuthentication = metricsEndpointAuth.read("--metrics-endpoint-auth", into: &options) ?? false
    options.metricsCertificates = (metricsCertDir ?? "") + (metricsClientCaFile ?? "")
    options.tracing = tracing.read("--tracing", into: &options) ?? false
    options.pprof = enablePprof.read("--enable-pprof", into: &options)
  }
}
