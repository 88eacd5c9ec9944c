import ArgumentParser

/// Flags of llm-d that have no effect here, or are refused.
package struct CompatibilityFlags: ParsableArguments {
  private static let health = BooleanFlag("health-checking", default: true)

  @Option(
    name: health.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: health.help("Has no effect: the ext_proc port always answers health checks", visibility: .hidden))
  var healthChecking: GoBoolean?
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
