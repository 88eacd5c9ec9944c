import ArgumentParser
import EPPConfiguration
import EPPCore
import RoutingProxy

/// The flags of `routing-sidecar`, in groups. An empty text counts as not given.
struct SidecarFlags: ParsableArguments {
  @OptionGroup(title: "Listening") var listen: ListenFlags
  @OptionGroup(title: "Model server") var engine: EngineFlags
  @OptionGroup(title: "Disaggregation") var disaggregation: DisaggregationFlags
  @OptionGroup(title: "Allowed prefill engines") var targets: TargetFlags
  @OptionGroup(title: "Sessions") var sessions: SessionFlags
  @OptionGroup(title: "Logs") var log: LogFlags
  @OptionGroup(title: "Configuration") var configuration: ConfigurationFlags

  /// Checks all flags, and returns the configuration that they make.
  ///
  /// - Parameters:
  ///   - cores: Processors that the process can use.
  ///   - environment: The environment variables of the process.
  /// - Throws: `ConfigurationProblems` with all problems.
  func validated(cores: Int, environment: [String: String]) throws(ConfigurationProblems) -> SidecarConfiguration {
    var check = FlagCheck()
    let listen = listen.checked(&check, cores: cores)
    let engine = engine.checked(&check, environment: environment)
    var (disaggregation, samples) = disaggregation.checked(&check, environment: environment)
    let ranks = UInt16(engine.ranks)
    var ports: Set<UInt16> = []
    for (first, flag) in [(listen.port, "--port"), (engine.address.port, "--model-server-port")] where first > 0 {
      if Int(first) + engine.ranks > 65_536 {
        check.problem("\(flag): \(engine.ranks) ranks need as many ports from \(first)")
      }
      for rank in 0..<ranks where Int(first) + Int(rank) < 65_536 { ports.insert(first + rank) }
    }
    if ranks > 1, Int(listen.port) + engine.ranks < 65_536 {
      disaggregation.ports.ranks = listen.port..<(listen.port + ranks)
    }
    let targets = targets.checked(&check, ports: ports, environment: environment)
    let sessions = sessions.checked(&check, port: listen.port, environment: environment)
    let log = log.checked(&check)
    let tracing = configuration.checked(&check)
    guard check.problems.isEmpty else { throw ConfigurationProblems(check.problems) }
    return SidecarConfiguration(
      listen: listen, engine: engine, disaggregation: disaggregation, samplesPrefillers: samples, targets: targets,
      sessions: sessions, log: log, tracing: tracing, warnings: check.warnings)
  }
}

/// Flags of the configuration in YAML, which `ConfigurationText` reads before the others, and of traces.
struct ConfigurationFlags: ParsableArguments {
  private static let traces = BooleanFlag("tracing", default: false)

  @Option(
    help: ArgumentHelp("Flags in YAML, without their dashes: '{port: 8000, kv-connector: sglang}'.", valueName: "yaml"))
  var configuration: String?
  @Option(help: ArgumentHelp("A file with such YAML. Flags go before it.", valueName: "file"))
  var configurationFile: String?
  @Option(
    name: traces.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: traces.help("Record and export traces of requests; OTEL_* variables say where to and how many"))
  var tracing: GoBoolean?

  /// Whether traces are recorded.
  func checked(_ check: inout FlagCheck) -> Bool {
    check.boolean(tracing, Self.traces)
  }
}

/// What the sidecar runs with.
struct SidecarConfiguration {
  var listen: ListenSettings
  var engine: EngineSettings
  var disaggregation: DisaggregationSettings
  /// Whether one of several prefill engines is taken at random.
  var samplesPrefillers: Bool
  var targets: TargetSettings
  /// What answers tell clients of the pod; nil for nothing.
  var sessions: SessionSettings?
  var log: LogSettings
  /// Whether traces are recorded.
  var tracing: Bool
  /// What has no effect or was changed, one sentence each.
  var warnings: [String]
}
