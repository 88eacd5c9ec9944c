import EPPCore
import EPPPrefixCache

/// From the closed lists of plugin types in `ProfileConfiguration` to the plugins.
enum PluginCatalogue {
  /// - Parameter predecessor: a profile whose sessions are taken over by a session scorer with the same parameters.
  static func scorer(
    _ configuration: ScorerConfiguration, seed: HashSeed, predecessor: SchedulingProfile?
  ) -> any Scorer {
    switch configuration {
    case .queue: QueueScorer()
    case .runningRequests: RunningRequestsScorer()
    case .kvCacheUtilization: KVCacheUtilizationScorer()
    case .prefixCache(let parameters): PrefixCacheScorer(parameters)
    case .loRAAffinity: LoRAAffinityScorer()
    case .sessionAffinity(let parameters):
      predecessor?.sessions.first { $0.parameters == parameters } ?? SessionAffinityScorer(parameters, seed: seed)
    }
  }

  static func picker(_ configuration: PickerConfiguration) -> any Picker {
    switch configuration {
    case .maximumScore: MaximumScorePicker(maximumEndpoints: configuration.maximumEndpoints)
    case .random: RandomPicker(maximumEndpoints: configuration.maximumEndpoints)
    }
  }
}
