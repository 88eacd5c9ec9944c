import ArgumentParser

/// Flags of llm-d that have no effect here.
package struct CompatibilityFlags: ParsableArguments {
  private static let health = BooleanFlag("health-checking", default: true)

  @Option(
    name: health.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: health.help("Has no effect: the ext_proc port always answers health checks", visibility: .hidden))
  var healthChecking: GoBoolean?
  @Option(
    help: ArgumentHelp(
      "Feature gates of llm-d, such as a=true,b=false; flowControl cannot be on.", valueName: "gates",
      visibility: .hidden))
  var featureGates: [String] = []
  @Option(
    help: ArgumentHelp(
      "Has no effect: what is in flight ends with the gateway's stream.", valueName: "duration", visibility: .hidden))
  var pluginStateStalenessThreshold: String?

  package init() {}

  /// Checks the flags.
  func checked(_ check: inout FlagCheck) {
    check.ignore(healthChecking, Self.health)
    for gate in featureGates.joined(separator: ",").split(separator: ",") {
      switch FeatureGate(String(gate)).finding {
      case .none: break
      case .note(let message): check.warnings.append("--feature-gates: \(message)")
      case .problem(let message): check.problem("--feature-gates: \(message)")
      }
    }
    if let threshold = pluginStateStalenessThreshold.given {
      _ = check.duration(threshold, "--plugin-state-staleness-threshold", mayBeZero: true)
    }
  }
}
