import ArgumentParser
import EPPConfiguration

/// Flags of llm-d's endpoint picker that have no place elsewhere.
struct CompatibilityFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp("json, or console for --log-format text.", valueName: "encoder"))
  var zapEncoder: String?
  @Option(help: ArgumentHelp("debug, info, error, or a number, which goes before -v.", valueName: "level"))
  var zapLogLevel: String?
  @Option(
    name: .customLong("zap-devel"), defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ArgumentHelp("false is --log-format json.", valueName: "bool", visibility: .hidden))
  var zapDevel: GoBoolean?
  @Option(help: ArgumentHelp("Has no effect.", valueName: "level", visibility: .hidden))
  var zapStacktraceLevel: String?
  @Option(help: ArgumentHelp("Has no effect: times are RFC 3339.", valueName: "encoding", visibility: .hidden))
  var zapTimeEncoding: String?
  @Option(
    name: .customLong("health-checking"), defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ArgumentHelp(
      "Has no effect: the ext_proc port always answers health checks.", valueName: "bool", visibility: .hidden))
  var healthChecking: GoBoolean?
  @Option(
    name: .customLong("ha-enable-leader-election"), defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ArgumentHelp("Only false is supported yet: every replica serves.", valueName: "bool", visibility: .hidden))
  var haEnableLeaderElection: GoBoolean?
  @Option(help: ArgumentHelp("Refused: llm-d has given it up.", valueName: "name", visibility: .hidden))
  var totalQueuedRequestsMetric: String?
  @Option(help: ArgumentHelp("Refused: llm-d has given it up.", valueName: "name", visibility: .hidden))
  var totalRunningRequestsMetric: String?
  @Option(help: ArgumentHelp("Refused: llm-d has given it up.", valueName: "name", visibility: .hidden))
  var kvCacheUsagePercentageMetric: String?
  @Option(help: ArgumentHelp("Refused: llm-d has given it up.", valueName: "name", visibility: .hidden))
  var loraInfoMetric: String?
  @Option(help: ArgumentHelp("Refused: llm-d has given it up.", valueName: "name", visibility: .hidden))
  var cacheInfoMetric: String?

  func apply(to options: inout ServeOptions) {
    options.zapEncoder = zapEncoder
    options.zapLogLevel = zapLogLevel
    options.zapDevelopment = zapDevel.read("--zap-devel", into: &options)
    options.leaderElection = haEnableLeaderElection.read("--ha-enable-leader-election", into: &options) ?? false
    let deprecated: [(String, String?)] = [
      ("--total-queued-requests-metric", totalQueuedRequestsMetric),
      ("--total-running-requests-metric", totalRunningRequestsMetric),
      ("--kv-cache-usage-percentage-metric", kvCacheUsagePercentageMetric), ("--lora-info-metric", loraInfoMetric),
      ("--cache-info-metric", cacheInfoMetric),
    ]
    options.deprecated = deprecated.compactMap { $0.1 == nil ? nil : $0.0 }
  }
}
