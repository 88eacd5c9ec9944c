import EPPCore

/// A scheduling profile as flags or the configuration file describe it: filters narrow, scorers rank by a weighted
/// sum, one picker chooses.
package struct ProfileConfiguration: Sendable, Equatable {
  /// A scorer with its weight in the sum.
  package struct WeightedScorer: Sendable, Equatable {
    package var plugin: ConfiguredPlugin
    /// Not negative; weights are not normalised.
    package var weight: Double

    package init(_ plugin: ConfiguredPlugin, weight: Double) {
      self.plugin = plugin
      self.weight = weight
    }
  }

  package var name: String
  package var filters: [ConfiguredPlugin]
  package var scorers: [WeightedScorer]
  package var picker: ConfiguredPlugin

  package init(
    name: String = "default", filters: [ConfiguredPlugin] = [], scorers: [WeightedScorer],
    picker: ConfiguredPlugin = ConfiguredPlugin(MaximumScorePicker.descriptor)
  ) {
    self.name = name
    self.filters = filters
    self.scorers = scorers
    self.picker = picker
  }

  /// The profile that ships: llm-d's weights, and session affinity for requests that carry a session id.
  package static let weighted = ProfileConfiguration(
    scorers: [
      WeightedScorer(ConfiguredPlugin(QueueScorer.descriptor), weight: 2),
      WeightedScorer(ConfiguredPlugin(KVCacheUtilizationScorer.descriptor), weight: 2),
      WeightedScorer(ConfiguredPlugin(PrefixCacheScorer.descriptor), weight: 3),
      WeightedScorer(ConfiguredPlugin(SessionAffinityScorer.descriptor), weight: 2),
    ])
}
