import ArgumentParser

/// Flags of llm-d that have no effect here, or are refused.
package struct CompatibilityFlags: ParsableArguments {
  private static let health = BooleanFlag("health-checking", default: true)
  private static let election = BooleanFlag("ha-enable-leader-election", default: false)

  @Option(
    name: health.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: health.help("Has no effect: the ext_proc port always answers health checks", visibility: .hidden))
  var healthChecking: GoBoolean?
  @Option(
    name: election.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: election.help("Only false is supported yet: every replica serves", visibility: .hidden))
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

  package init() {}

  /// Reports the flags that are refused.
  func checked(_ check: inout FlagCheck) {
    check.ignore(healthChecking, Self.health)
    if check.boolean(haEnableLeaderElection, Self.election) {
      check.problem("--ha-enable-leader-election is not supported by this version yet: every replica serves")
    }
    let refused: [(String, String?)] = [
      ("--total-queued-requests-metric", totalQueuedRequestsMetric),
      ("--total-running-requests-metric", totalRunningRequestsMetric),
      ("--kv-cache-usage-percentage-metric", kvCacheUsagePercentageMetric), ("--lora-info-metric", loraInfoMetric),
      ("--cache-info-metric", cacheInfoMetric),
    ]
    for (flag, value) in refused where value != nil {
      check.problem(
        "\(flag) was given up by llm-d and is not known here: remove it; the metrics of vLLM and SGLang are read by "
          + "their names")
    }
  }
}
