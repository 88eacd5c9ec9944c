package import EPPCore

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

/// `epp_decisions_total` of one profile. Any thread may count.
package struct DecisionCounters: Sendable {
  /// Why an endpoint was picked.
  package enum Reason: Sendable {
    /// There was one candidate.
    case onlyCandidate
    /// The sums were equal.
    case tie
    /// Another one had a greater sum: the picker picks at random.
    case random
    /// By the scorer in this row of the profile.
    case scorer(row: Int)
  }

  private let onlyCandidate: Counter
  private let tie: Counter
  private let random: Counter
  private let scorers: [Counter]

  init(_ families: SchedulingFamilies, profile: String, scorers names: [String]) {
    let cell = { (reason: String, scorer: String) in families.decisions.cell([profile, reason, scorer]) }
    onlyCandidate = cell("only_candidate", "")
    tie = cell("tie", "")
    random = cell("random", "")
    scorers = names.map { cell("scorer", $0) }
  }

  /// Counts a pick.
  package func count(_ reason: Reason) {
    switch reason {
    case .onlyCandidate: onlyCandidate.increment()
    case .tie: tie.increment()
    case .random: random.increment()
    case .scorer(let row): if scorers.indices.contains(row) { scorers[row].increment() }
    }
  }
}

/// The metrics of a producer that remembers which media were sent where. Any thread may count.
package struct EncoderCacheSeries: Sendable {
  /// `llm_d_epp_encoder_cache_hit_ratio`: the share of a request's items that an endpoint has encoded before.
  package let ratio: Histogram
  private let families: SchedulingFamilies
  private let pluginName: String
  private let pluginType: String

  init(_ families: SchedulingFamilies, pluginName: String, pluginType: String) {
    self.families = families
    self.pluginName = pluginName
    self.pluginType = pluginType
    ratio = families.encoderHitRatio.cell([pluginType, pluginName])
  }

  /// Counts an item that is looked up.
  package func countQuery(_ modality: MediaItem.Modality) {
    families.encoderQueries.cell([pluginType, pluginName, modality.rawValue]).increment()
  }

  /// Counts an item that an endpoint has encoded before.
  package func countHit(_ modality: MediaItem.Modality, endpoint: String) {
    families.encoderHits.cell([pluginType, pluginName, endpoint, modality.rawValue]).increment()
  }
}

extension PickerMetrics {
  /// The metrics of a producer that remembers media. The ratio is on the page from the first call on.
  package func encoderCache(pluginName: String, pluginType: String) -> EncoderCacheSeries {
    EncoderCacheSeries(families.scheduling, pluginName: pluginName, pluginType: pluginType)
  }

  /// The counters of a profile's picks. On the page from the first call on.
  ///
  /// - Parameter scorers: the names of the profile's scorers, in their order.
  package func decisions(profile: String, scorers: [String]) -> DecisionCounters {
    DecisionCounters(families.scheduling, profile: profile, scorers: scorers)
  }

  /// The counters of a filter by prefix affinity. On the page from the first call on.
  package func prefixAffinity(pluginName: String) -> PrefixAffinityCounters {
    PrefixAffinityCounters(families.scheduling, pluginName: pluginName)
  }

  /// Counts a request by the stages that endpoints of their own serve: `llm_d_epp_disagg_decision_total`. To be called after
  /// `requestSeries`, which admits the model's name as a label value.
  package func countDisaggregation(pluginName: String, pluginType: String, model: String, decisionType: String) {
    families.scheduling.disaggregation.cell([pluginName, pluginType, knownModel(model), decisionType]).increment()
  }

  /// Sets `llm_d_epp_flow_control_pool_saturation`, and the same by the detector's name. Called before a page is written.
  ///
  /// - Parameters:
  ///   - detector: the name of the detector.
  ///   - prefill: the saturation of the endpoints that compute prompts; nil in a pool that is not disaggregated.
  ///   - decode: that of the endpoints that generate: all of them in a pool that is not disaggregated.
  ///   - effective: the value in effect.
  ///   - staleEndpoints: endpoints whose load is estimated.
  package func setSaturation(
    detector: String, prefill: Double?, decode: Double, effective: Double, staleEndpoints: Int
  ) {
    let (family, byDetector) = (families.scheduling.saturation, families.scheduling.detectorSaturation)
    if let prefill {
      family.cell([options.poolName, "prefill"]).set(prefill)
      byDetector.cell([detector, "prefill"]).set(prefill)
    }
    family.cell([options.poolName, "decode"]).set(decode)
    byDetector.cell([detector, "decode"]).set(decode)
    family.cell([options.poolName, "effective"]).set(effective)
    families.scheduling.staleEndpoints.cell([detector]).set(staleEndpoints)
  }
}
