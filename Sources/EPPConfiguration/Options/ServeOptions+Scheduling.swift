import EPPScheduling

/// How flags and the configuration file make one profile.
extension ServeOptions {
  /// The profile to serve with: that of `--profile`, else of the file, else `weighted`; with the scorers of `--scorer`
  /// and the picker of `--picker` in place of its own.
  func schedulingProfile(_ file: PickerConfigurationFile?, _ check: inout OptionsCheck) -> ProfileConfiguration {
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
      result.scorers = namedScorers(&check)
    }
    if let header = file?.sessionHeader { result.readSessions(from: header) }
    if let picker = picker.given {
      let known = PickerConfiguration.TypeName.allCases.map(\.rawValue)
      let count = result.picker.maximumEndpoints
      switch check.choice(PickerConfiguration.TypeName.init, known, picker, "--picker") {
      case .maximumScore: result.picker = .maximumScore(maximumEndpoints: count)
      case .random: result.picker = .random(maximumEndpoints: count)
      case nil: break
      }
    }
    return result
  }

  private func namedScorers(_ check: inout OptionsCheck) -> [ProfileConfiguration.WeightedScorer] {
    var result: [ProfileConfiguration.WeightedScorer] = []
    for text in scorers {
      do {
        let scorer = try WeightText.parse(text)
        if result.contains(where: { $0.name == scorer.name }) {
          check.problem("--scorer: '\(scorer.name)' is named twice")
        }
        result.append(scorer)
      } catch {
        check.problem(error.message)
      }
    }
    return result
  }
}
