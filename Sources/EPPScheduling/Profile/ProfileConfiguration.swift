import EPPCore

/// The configuration of a scheduling profile: filters narrow the candidates, scorers rank them by a weighted sum, one picker
/// chooses.
package struct ProfileConfiguration: Sendable, Equatable {
  /// A scorer with its weight in the sum.
  package struct WeightedScorer: Sendable, Equatable {
    /// The scorer.
    package var plugin: ConfiguredPlugin
    /// The weight, not negative; weights are not normalised.
    package var weight: Double

    package init(_ plugin: ConfiguredPlugin, weight: Double) {
      self.plugin = plugin
      self.weight = weight
    }
  }

  /// The profile's name.
  package var name: String
  /// The filters, in the order of their application.
  package var filters: [ConfiguredPlugin]
  /// The scorers with their weights.
  package var scorers: [WeightedScorer]
  /// The picker.
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

  /// The plugins of the profile, in the order in which they are applied.
  package var plugins: [ConfiguredPlugin] { filters + scorers.map(\.plugin) + [picker] }

  /// The default profile: llm-d's weights, session affinity for requests with a session id, and no saturated endpoint while
  /// others are not saturated.
  package static let weighted = ProfileConfiguration(
    filters: [ConfiguredPlugin(UtilizationDetector.descriptor)],
    scorers: [
      WeightedScorer(ConfiguredPlugin(QueueScorer.descriptor), weight: 2),
      WeightedScorer(ConfiguredPlugin(KVCacheUtilizationScorer.descriptor), weight: 2),
      WeightedScorer(ConfiguredPlugin(PrefixCacheScorer.descriptor), weight: 3),
      WeightedScorer(
        ConfiguredPlugin(SessionAffinityScorer.descriptor, SessionParameters.strategy, "session_id"), weight: 2),
    ])
}
