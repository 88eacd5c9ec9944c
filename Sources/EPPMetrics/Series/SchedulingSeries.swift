/// `llm_d_epp_prefix_cache_affinity_filter_decisions_total` of one filter. Any thread may count.
package struct PrefixAffinityCounters: Sendable {
  /// What the filter did with a request's candidates. The raw value is that of the label `outcome`.
  package enum Outcome: String, Sendable, CaseIterable {
    /// Those that hold most of the prompt were kept.
    case sticky
    /// None holds enough of the prompt.
    case noMatch = "no_match"
    /// Those that hold most of the prompt would answer too late.
    case loadOverride = "load_override"
    /// The request was left as it is, to learn of other endpoints.
    case exploration
    /// There was nothing to choose: one candidate, or a prompt without a full block.
    case notApplicable = "not_applicable"
  }

  private let counters: [Counter]

  init(_ families: SchedulingFamilies, pluginName: String) {
    counters = Outcome.allCases.map { families.affinityDecisions.cell([pluginName, $0.rawValue]) }
  }

  /// Counts a decision.
  package func count(_ outcome: Outcome) {
    switch outcome {
    case .sticky: counters[0].increment()
    case .noMatch: counters[1].increment()
    case .loadOverride: counters[2].increment()
    case .exploration: counters[3].increment()
    case .notApplicable: counters[4].increment()
    }
  }
}

extension PickerMetrics {
  /// The counters of a filter by prefix affinity. On the page from the first call on.
  package func prefixAffinity(pluginName: String) -> PrefixAffinityCounters {
    PrefixAffinityCounters(families.scheduling, pluginName: pluginName)
  }

  /// Counts a request by the stages that endpoints of their own serve: `llm_d_epp_disagg_decision_total`. To be called after
  /// `requestSeries`, which admits the model's name as a label value.
  package func countDisaggregation(pluginName: String, pluginType: String, model: String, decisionType: String) {
    families.scheduling.disaggregation.cell([pluginName, pluginType, knownModel(model), decisionType]).increment()
  }

  /// Sets `llm_d_epp_flow_control_pool_saturation`. Called before a page is written.
  ///
  /// - Parameters:
  ///   - prefill: the saturation of the endpoints that compute prompts; nil in a pool that is not disaggregated.
  ///   - decode: that of the endpoints that generate; nil in a pool that is not disaggregated.
  ///   - effective: the value in effect.
  package func setSaturation(prefill: Double?, decode: Double?, effective: Double) {
    let family = families.scheduling.saturation
    if let prefill { family.cell([options.poolName, "prefill"]).set(prefill) }
    if let decode { family.cell([options.poolName, "decode"]).set(decode) }
    family.cell([options.poolName, "effective"]).set(effective)
  }
}
