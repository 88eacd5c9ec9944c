import ArgumentParser
package import EPPScheduling

/// Flags of the choice of endpoints.
package struct SchedulingFlags: ParsableArguments {
  /// Names of the built-in profiles.
  private static let profiles = ["weighted"]
  /// Scorers and weights of the built-in profile `weighted`, for the help.
  private static let weighted = ProfileConfiguration.weighted.scorers.map { "\($0.plugin.name)=\(Int($0.weight))" }
    .joined(separator: ", ")
  private static let ignoredSubset = BooleanFlag("disable-endpoint-subset-filter", default: false)
  private static let emittedScores = BooleanFlag("emit-endpoint-scores", default: false)
  private static let watchedFile = BooleanFlag("watch-config-file", default: true)
  private static let experimental = BooleanFlag("allow-experimental-plugins", default: false)

  @Option(help: ArgumentHelp("EndpointPickerConfig file; 'epp validate' checks one.", valueName: "file"))
  var configFile: String?
  @Option(help: ArgumentHelp("The same as text.", valueName: "yaml"))
  var configText: String?
  @Option(
    name: watchedFile.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: watchedFile.help("Read the file again when it has changed; SIGHUP does so in any case"))
  var watchConfigFile: GoBoolean?
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
    name: ignoredSubset.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ignoredSubset.help("Ignore the gateway's subset hint"))
  var disableEndpointSubsetFilter: GoBoolean?
  @Option(
    name: emittedScores.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: emittedScores.help("Put all scores into the answer's dynamic metadata"))
  var emitEndpointScores: GoBoolean?
  @Option(
    help: ArgumentHelp(
      "Keys, a line each, with which headers to routing sidecars are signed; sidecars with the same file take no others.",
      valueName: "file"))
  var routingKeyFile: String?
  @Option(
    name: experimental.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: experimental.help("Has no effect: no plugin needs it", visibility: .hidden))
  var allowExperimentalPlugins: GoBoolean?

  package init() {}

  /// Whether a configuration is given as a file or as text.
  var namesFile: Bool { configFile.given != nil || configText.given != nil }

  /// Reads the text of the configuration file. Nil when none is given, and, with problems, when it cannot be read.
  ///
  /// - Parameter readFile: Reads the text file at a path; the description of an error that it throws says why it cannot.
  func text(_ check: inout FlagCheck, readFile: (String) throws -> String) -> ConfigurationText? {
    if configFile.given != nil, configText.given != nil {
      check.problem("--config-file and --config-text exclude each other: give one of them")
      return nil
    }
    if let text = configText.given { return ConfigurationText(origin: .text, text: text) }
    guard let path = configFile.given else { return nil }
    do {
      return ConfigurationText(origin: .file(path), text: try readFile(path))
    } catch {
      check.add(ConfigurationProblems([ConfigurationProblem("\(error)")], file: path))
      return nil
    }
  }

  /// Reads the configuration file. Nil when there is none, and, with problems, when it is broken.
  ///
  /// - Parameter plugins: The plugin types that the file may use.
  func file(_ check: inout FlagCheck, _ text: ConfigurationText?, plugins: PluginList) -> PickerConfigurationFile? {
    guard let text else { return nil }
    do throws(ConfigurationProblems) {
      return try PickerConfigurationReader.read(text.text, file: text.origin.description, plugins: plugins)
    } catch {
      check.add(error)
      return nil
    }
  }

  /// Checks the flags, and returns the settings that they and the configuration file make.
  ///
  /// - Parameters:
  ///   - file: The configuration file; nil when there is none, or when it is broken.
  ///   - plugins: The plugin types that flags may name.
  func checked(_ check: inout FlagCheck, file: PickerConfigurationFile?, plugins: PluginList) -> SchedulingSettings {
    check.ignore(allowExperimentalPlugins, Self.experimental)
    return SchedulingSettings(
      scheduler: scheduler(&check, file, plugins), sessionHeader: file?.sessionHeader,
      sessionAttributes: SessionAttributes(file?.plugins ?? []), prefixViews: file?.prefixViews ?? [:],
      prefixProducer: file?.prefixProducer ?? ConfiguredPlugin(PrefixSettings.descriptor),
      tokenProducer: file?.tokenProducer ?? ConfiguredPlugin(RenderService.descriptor),
      prefix: file?.prefix ?? PrefixSettings(), parsers: file?.parsers ?? ParserSettings.standardPlugins,
      agents: file?.settings(AgentIdentity.self).first,
      ignoresSubset: check.boolean(disableEndpointSubsetFilter, Self.ignoredSubset),
      emitsScores: check.boolean(emitEndpointScores, Self.emittedScores), routingKeyFile: routingKeyFile.given,
      watchesFile: check.boolean(watchConfigFile, Self.watchedFile))
  }

  /// Returns the profiles of `--profile`, else of the file, else `weighted`. `--scorer` replaces its scorers, `--picker` its
  /// picker.
  private func scheduler(
    _ check: inout FlagCheck, _ file: PickerConfigurationFile?, _ plugins: PluginList
  ) -> SchedulerConfiguration {
    var result = file?.scheduler ?? .weighted
    if let profile = profile.given, check.word(profile, of: Self.profiles, "--profile") != nil {
      (result.profiles, result.handler) = ([.weighted], nil)
    }
    if !scorer.isEmpty {
      if profile.given == nil, let file, file.scheduler.profiles.contains(where: { !$0.scorers.isEmpty }) {
        check.problem(
          "--scorer and the scorers of the configuration file exclude each other: give weights in one place")
      }
      result.profile.scorers = namedScorers(plugins, &check)
    }
    if let picker = picker.given {
      let known = plugins.types(.picker)
      let make = { (name: String) in plugins[name].flatMap { $0.roles.contains(.picker) ? $0 : nil } }
      if let descriptor = check.choice(make, known, picker, "--picker") {
        for index in result.profiles.indices {
          result.profiles[index].picker = ConfiguredPlugin(
            descriptor, arguments: result.profiles[index].picker.arguments.restricted(to: descriptor))
        }
      }
    }
    return result
  }

  private func namedScorers(_ plugins: PluginList, _ check: inout FlagCheck) -> [ProfileConfiguration.WeightedScorer] {
    var result: [ProfileConfiguration.WeightedScorer] = []
    for text in scorer {
      do {
        let scorer = try WeightText.parse(text, plugins: plugins)
        if result.contains(where: { $0.plugin.name == scorer.plugin.name }) {
          check.problem("--scorer: '\(scorer.plugin.name)' is named twice")
        }
        result.append(scorer)
      } catch {
        check.problem(error.message)
      }
    }
    return result
  }
}

/// The settings of the choice of endpoints, from `SchedulingFlags` and the configuration file.
package struct SchedulingSettings: Sendable, Equatable {
  /// The scheduling profiles, and the plugins of whole requests.
  package var scheduler: SchedulerConfiguration
  /// Lower-case name of the header with session ids, for plugins that name none; nil for the default.
  package var sessionHeader: String?
  /// Session ids that data producers of the configuration file provide.
  package var sessionAttributes: SessionAttributes
  /// Views of the prefix index, by the names of their producers.
  package var prefixViews: [String: PrefixView]
  /// The plugin whose name the metrics of the prefix index and of predictions have as a label.
  package var prefixProducer: ConfiguredPlugin
  /// The plugin whose name the time to find token ids has as a label.
  package var tokenProducer: ConfiguredPlugin
  /// The settings of the prefix index.
  package var prefix: PrefixSettings
  /// The parsers, in the order in which they are asked.
  package var parsers: [ConfiguredPlugin]
  /// Recognises the sessions of agents; nil where no plugin asks for it.
  package var agents: AgentIdentity?
  /// Whether the gateway's subset hint is ignored.
  package var ignoresSubset: Bool
  /// Whether the scores of all candidates are sent to the gateway.
  package var emitsScores: Bool
  /// The file with the keys that sign headers to sidecars; nil when they are not signed.
  package var routingKeyFile: String?
  /// Whether the configuration file is read again when it has changed.
  package var watchesFile: Bool
}
