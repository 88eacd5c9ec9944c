import EPPScheduling

/// How flags and the configuration file make one profile.
extension ServeOptions {
  /// The profile to serve with: that of `--profile`, else of the file, else `weighted`; with the scorers of `--scorer`
  /// and the picker of `--picker` in place of its own.
  func schedulingProfile(
    _ file: PickerConfigurationFile?, _ plugins: PluginList, _ check: inout OptionsCheck
  ) -> ProfileConfiguration {
    var result = file?.profile ?? .weighted
    if let profile = profile.given {
      if profile == "weighted" {
        result = .weighted
      } else {
        _ = check.choice({ _ in Int?.none }, ["weighted"], profile, "--profile")
      }
    }
    if !scorers.isEmpty {
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

  private func namedScorers(
    _ plugins: PluginList, _ check: inout OptionsCheck
  ) -> [ProfileConfiguration.WeightedScorer] {
    var result: [ProfileConfiguration.WeightedScorer] = []
    for text in scorers {
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
