import ArgumentParser

/// Flags of llm-d that have no effect here.
package struct CompatibilityFlags: ParsableArguments {
  private static let health = BooleanFlag("health-checking", default: true)

  @Option(
    name: health.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: health.help("Has no effect: the ext_proc port always answers health checks", visibility: .hidden))
  var healthChecking: GoBoolean?

  package init() {}

  /// Checks the flags.
  func checked(_ check: inout FlagCheck) {
    check.ignore(healthChecking, Self.health)
  }
}
