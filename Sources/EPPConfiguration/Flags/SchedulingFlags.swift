import ArgumentParser
package import EPPScheduling

/// How an endpoint is picked.
package struct SchedulingFlags: ParsableArguments {
  /// Names of the profiles that ship.
  private static let profiles = ["weighted"]
  /// Scorers and weights of the profile that ships.
  private static let weighted = ProfileConfiguration.weighted.scorers.map { "\($0.plugin.name)=\(Int($0.weight))" }
    .joined(separator: ", ")
  private static let ignoredSubset = BooleanFlag("disable-endpoint-subset-filter", default: false)
  private static let emittedScores = BooleanFlag("emit-endpoint-scores", default: false)
  private static let experimental = BooleanFlag("allow-experimental-plugins", default: false)

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
    name: ignoredSubset.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ignoredSubset.help("Ignore the gateway's subset hint"))
  var disableEndpointSubsetFilter: GoBoolean?
  @Option(
    name: emittedScores.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: emittedScores.help("Put all scores into the answer's dynamic metadata"))
  var emitEndpointScores: GoBoolean?
  @Option(
    name: experimental.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: experimental.help("Has no effect: no plugin needs it", visibility: .hidden))
  var allowExperimentalPlugins: GoBoolean?

  package init() {}

  /// Whether a configuration file was named, or given as text.
  var namesFile: Bool { configFile.given != nil || configText.given != nil }

  /// The configuration file; nil where none is named, or it is broken.
  ///
  /// - Parameter readFile: what it throws says in its description why it cannot.
  func file(
    _ check: inout FlagCheck, plugins: PluginList, readFile: (String) throws -> String
  ) -> PickerConfigurationFile? {
    if configFile.given != nil, configText.given != nil {
      check.problem("--config-file and --config-text exclude each other: give one of them")
      return nil
    }
    do throws(ConfigurationProblems) {
      if let text = configText.given {
        return try PickerConfigurationReader.read(text, file: "--config-text", plugins: plugins)
      }
      guard let path = configFile.given else { return nil }
      let text: String
      do { text = try readFile(path) } catch {
        throw ConfigurationProblems([ConfigurationProblem("\(error)")], file: path)
      }
      return try PickerConfigurationReader.read(text, file: path, plugins: plugins)
    } catch {
      check.add(error)
      return nil
    }
  }

  func checked(_ check: inout FlagCheck, file: PickerConfigurationFile?, plugins: PluginList) -> SchedulingSettings {
    check.ignore(allowExperimentalPlugins, Self.experimental)
    return SchedulingSettings(
      profile: profile(&check, file, plugins), sessionHeader: file?.sessionHeader,
      prefixViews: file?.prefixViews ?? [:],
      prefixProducer: file?.prefixProducer ?? ConfiguredPlugin(PrefixSettings.descriptor),
      prefix: file?.prefix ?? PrefixSettings(),
      ignoresSubset: check.boolean(disableEndpointSubsetFilter, Self.ignoredSubset),
      emitsScores: check.boolean(emitEndpointScores, Self.emittedScores))
  }

  /// The profile to serve with: that of `--profile`, else of the file, else `weighted`; with the scorers of `--scorer`
  /// and the picker of `--picker` in place of its own.
  private func profile(
    _ check: inout FlagCheck, _ file: PickerConfigurationFile?, _ plugins: PluginList
  ) -> ProfileConfiguration {
    var result = file?.profile ?? .weighted
    if let profile = profile.given, check.word(profile, of: Self.profiles, "--profile") != nil { result = .weighted }
    if !scorer.isEmpty {
      if profile.given == nil, let file, !file.profile.scorers.isEmpty {
        check.problem(
          "--scorer and the scorers of the configuration file exclude each other: give weights in one place")
      }
      result.scorers = namedScorers(plugins, &check)
    }
    if let picker = picker.given {
      let known = plugins.types(.picker)
      let make = { (name: String) in plugins[name].flatMap { $0.roles.contains(.picker) ? $0 : nil } }
      if let descriptor = check.choice(make, known, picker, "--picker") {
        result.picker = ConfiguredPlugin(descriptor, arguments: result.picker.arguments.restricted(to: descriptor))
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

/// What `SchedulingFlags` and the configuration file make.
package struct SchedulingSettings: Sendable, Equatable {
  package var profile: ProfileConfiguration
  /// The header of session ids, where plugins name none; lower case. Nil leaves it at the default.
  package var sessionHeader: String?
  /// Views of the prefix index, by the names of their producers.
  package var prefixViews: [String: PrefixView]
  /// The plugin that the prefix index belongs to, in the labels of its metrics.
  package var prefixProducer: ConfiguredPlugin
  package var prefix: PrefixSettings
  package var ignoresSubset: Bool
  package var emitsScores: Bool
}
