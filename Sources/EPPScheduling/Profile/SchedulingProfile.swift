package import EPPCore
import EPPMetrics
package import EPPPrefixCache

/// A profile in working order: filters, weighted scorers and a picker.
///
/// Immutable but for its session table, and shared by all threads. Weights change by putting another profile in its
/// place; requests that hold the old one finish with it.
package final class SchedulingProfile: Sendable {
  struct Weighted: Sendable {
    let name: String
    let scorer: any Scorer
    let weight: Double
    let duration: Histogram?
  }

  /// What the profile was made from.
  package let configuration: ProfileConfiguration
  let filters: [any Filter]
  let scorers: [Weighted]
  let picker: any Picker
  let sessions: [SessionAffinityScorer]
  let timing: PluginTiming?
  let pickerDuration: Histogram?

  /// Makes the plugins that a configuration names.
  ///
  /// - Parameters:
  ///   - seed: the secret that session keys are hashed with.
  ///   - predecessor: the profile that this one replaces; its sessions live on where their parameters are the same.
  ///   - timing: measures the plugins; nil does not.
  package init(
    _ configuration: ProfileConfiguration, seed: HashSeed, replacing predecessor: SchedulingProfile? = nil,
    timing: PluginTiming? = nil
  ) {
    self.configuration = configuration
    self.timing = timing
    filters = [SubsetFilter(), ListeningFilter()]
    scorers = configuration.scorers.map { entry in
      Weighted(
        name: entry.name, scorer: PluginCatalogue.scorer(entry.scorer, seed: seed, predecessor: predecessor),
        weight: entry.weight.isFinite ? max(0, entry.weight) : 0,
        duration: timing?.histogram(.scorer, type: entry.scorer.type.rawValue, name: entry.name))
    }
    sessions = scorers.compactMap { $0.scorer as? SessionAffinityScorer }
    picker = PluginCatalogue.picker(configuration.picker)
    let pickerName = configuration.picker.type.rawValue
    pickerDuration = timing?.histogram(.picker, type: pickerName, name: pickerName)
  }

  /// Without a scorer: any candidate is as good as another.
  package static let empty = SchedulingProfile(
    ProfileConfiguration(name: "", scorers: [], picker: .random(maximumEndpoints: 1)),
    seed: HashSeed(first: 0, second: 0))

  /// Whether a scorer reads how much of the prompt is held.
  package var usesPrefixes: Bool {
    configuration.scorers.contains { $0.scorer.type == .prefixCache }
  }

  /// Headers that plugins read, lower case.
  package var headerNames: [String] { sessions.compactMap(\.headerName) }

  /// The request went to an endpoint: its session is bound to it. Nil when it has none.
  package func bindSession(_ context: RequestContext, to slot: EndpointSlot, now: MonotonicTime) -> SessionTable
    .Outcome?
  {
    var outcome: SessionTable.Outcome?
    for session in sessions { outcome = session.bind(context, to: slot, now: now) ?? outcome }
    return outcome
  }
}
