import ArgumentParser
import EPPConfiguration
import EPPScheduling

/// How an endpoint is picked.
struct SchedulingFlags: ParsableArguments {
  /// Scorers and weights of the profile that ships.
  private static let weighted = ProfileConfiguration.weighted.scorers.map { "\($0.plugin.name)=\(Int($0.weight))" }
    .joined(separator: ", ")

  @Option(help: ArgumentHelp("EndpointPickerConfig file; 'epp validate' checks one.", valueName: "file"))
  var configFile: String?
  @Option(help: ArgumentHelp("The same as text.", valueName: "yaml"))
  var configText: String?
  @Option(
    help: ArgumentHelp(
      "A profile that ships, in place of the configuration file's: weighted (the default: \(weighted)).",
      valueName: "name"))
  var profile: String?
  @Option(
    help: ArgumentHelp(
      "A scorer and its weight, such as \(QueueScorer.descriptor.type)=2; repeatable. Naming any replaces the default "
        + "set; 'epp plugins' lists them.",
      valueName: "name=weight"))
  var scorer: [String] = []
  @Option(
    help: ArgumentHelp(
      "\(PluginList.standard.types(.picker).joined(separator: " or ")); the first is the default.", valueName: "name"))
  var picker: String?
  @Option(
    name: .customLong("disable-endpoint-subset-filter"), defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ArgumentHelp("Ignore the gateway's subset hint (default: false).", valueName: "bool"))
  var disableEndpointSubsetFilter: GoBoolean?
  @Option(
    name: .customLong("emit-endpoint-scores"), defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ArgumentHelp("Put all scores into the answer's dynamic metadata (default: false).", valueName: "bool"))
  var emitEndpointScores: GoBoolean?
  @Option(
    name: .customLong("allow-experimental-plugins"), defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ArgumentHelp("Has no effect: no plugin needs it.", valueName: "bool", visibility: .hidden))
  var allowExperimentalPlugins: GoBoolean?

  func apply(to options: inout ServeOptions) {
    options.configFile = configFile
    options.configText = configText
    options.profile = profile
    options.scorers = scorer
    options.picker = picker
    options.disableSubsetFilter =
      disableEndpointSubsetFilter.read("--disable-endpoint-subset-filter", into: &options) ?? false
    options.emitScores = emitEndpointScores.read("--emit-endpoint-scores", into: &options) ?? false
  }
}
