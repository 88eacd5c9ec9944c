package import EPPCore
package import EPPPrefixCache

/// A profile in working order: filters, weighted scorers and a picker. Immutable but for the session table; shared by
/// all threads.
package final class SchedulingProfile: Sendable {
  struct Weighted: Sendable {
    let name: String
    let scorer: any Scorer
    let weight: Double
  }

  package let configuration: ProfileConfiguration
  let filters: [any Filter]
  let scorers: [Weighted]
  let picker: any Picker
  let sessions: [SessionAffinityScorer]

  package init(_ configuration: ProfileConfiguration, seed: HashSeed) {
    self.configuration = configuration
    filters = [SubsetFilter()]
    var sessions: [SessionAffinityScorer] = []
    scorers = configuration.scorers.map { entry in
      let scorer: any Scorer =
        switch entry.scorer {
        case .queue: QueueScorer()
        case .runningRequests: RunningRequestsScorer()
        case .kvCacheUtilization: KVCacheUtilizationScorer()
        case .prefixCache(let parameters): PrefixCacheScorer(parameters)
        case .loRAAffinity: LoRAAffinityScorer()
        case .sessionAffinity(let parameters): SessionAffinityScorer(parameters, seed: seed)
        }
      if let session = scorer as? SessionAffinityScorer { sessions.append(session) }
      return Weighted(name: entry.name, scorer: scorer, weight: entry.weight)
    }
    self.sessions = sessions
    picker =
      switch configuration.picker {
      case .maximumScore(let count): MaximumScorePicker(maximumEndpoints: count)
      case .random(let count): RandomPicker(maximumEndpoints: count)
      }
  }

  /// Whether a scorer reads how much of the prompt is held.
  package var usesPrefixes: Bool {
    configuration.scorers.contains { $0.scorer.type == .prefixCache }
  }

  /// Headers that plugins read.
  package var headerNames: [String] {
    configuration.scorers.compactMap { entry in
      if case .sessionAffinity(let parameters) = entry.scorer, case .header(let name) = parameters.strategy {
        name
      } else {
        nil
      }
    }
  }

  /// The request went to an endpoint: its session is bound to it. Nil when it has none.
  package func bindSession(_ context: RequestContext, to slot: EndpointSlot, now: MonotonicTime) -> SessionTable.Outcome? {
    var outcome: SessionTable.Outcome?
    for session in sessions { outcome = session.bind(context, to: slot, now: now) ?? outcome }
    return outcome
  }
}
