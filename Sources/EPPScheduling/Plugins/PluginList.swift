/// A list of plugin types. To add a type, add a file to this folder and a line here.
package struct PluginList: Sendable {
  /// The built-in types, in the order of `epp plugins`.
  package static let standard = PluginList([
    QueueScorer.descriptor,
    RunningRequestsScorer.descriptor,
    KVCacheUtilizationScorer.descriptor,
    PrefixCacheScorer.descriptor,
    LoRAAffinityScorer.descriptor,
    LoadAwareScorer.descriptor,
    ActiveRequestScorer.descriptor,
    TokenLoadScorer.descriptor,
    LMetricScorer.descriptor,
    NoHitLRUScorer.descriptor,
    ContextLengthAware.descriptor,
    HeaderLabelAffinityScorer.descriptor,
    EndpointAttributeScorer.descriptor,
    EncoderCacheScorer.descriptor,
    TopologyAffinityScorer.descriptor,
    SessionAffinityScorer.descriptor,
    PrecisePrefixCacheScorer.descriptor,
    DecodeFilter.descriptor,
    PrefillFilter.descriptor,
    EncodeFilter.descriptor,
    LabelSelectorFilter.descriptor,
    LabelValueFilter.descriptor,
    PrefixCacheAffinityFilter.descriptor,
    UtilizationFilter.descriptor,
    EndpointAttributeFilter.descriptor,
    TopologyAffinityFilter.descriptor,
    SessionAffinityFilter.descriptor,
    HeaderBasedTestingFilter.descriptor,
    ServedEndpointVerifier.descriptor,
    AttributeReporter.descriptor,
    RolloutScreener.descriptor,
    MaximumScorePicker.descriptor,
    RandomPicker.descriptor,
    WeightedRandomPicker.descriptor,
    PrefixSettings.descriptor,
    PreciseCacheSettings.descriptor,
    BurstProducer.descriptor,
    EncoderCache.descriptor,
    PeerSource.descriptor,
    SessionSource.descriptor,
    AgentIdentity.descriptor,
    EndpointsFileSettings.descriptor,
    SingleProfileHandler.descriptor,
    HeaderProfileHandler.descriptor,
    DisaggregationHandler.descriptor,
    DisaggregationHeaders.descriptor,
    DataParallelProfileHandler.descriptor,
    AlwaysPrefillDecider.descriptor,
    PrefixBasedDecider.descriptor,
    PredictedCostDecider.descriptor,
    AlwaysMultimodalDecider.descriptor,
    ProbabilisticAdmitter.descriptor,
    MetricsDataSource.descriptor,
    CoreMetricsExtractor.descriptor,
    ModelsDataSource.descriptor,
    ModelsDataExtractor.descriptor,
    DCGMDataSource.descriptor,
    DCGMExtractor.descriptor,
    TopologyExtractor.descriptor,
    LabelProducer.descriptor,
    EndpointNotificationSource.descriptor,
    KubernetesNotificationSource.descriptor,
    UtilizationDetector.descriptor,
    ConcurrencyDetector.descriptor,
    MaximumSaturationDetector.descriptor,
    FirstComeOrderingPolicy.descriptor,
    GlobalStrictFairnessPolicy.descriptor,
    StaticUsageLimitPolicy.descriptor,
    EarliestDeadlineOrderingPolicy.descriptor,
    ObjectiveDeadlineOrderingPolicy.descriptor,
    RoundRobinFairnessPolicy.descriptor,
    ProgramAwareFairness.descriptor,
    PriorityHoldbackPolicy.descriptor,
    SoftReflectiveCeilingPolicy.descriptor,
    SheddableEvictionFilter.descriptor,
    PriorityThenTimeEvictionOrder.descriptor,
    OpenAIParser.descriptor,
    AnthropicParser.descriptor,
    VLLMHTTPParser.descriptor,
    SGLangHTTPParser.descriptor,
    VLLMGRPCParser.descriptor,
    VertexAIParser.descriptor,
    PassthroughParser.descriptor,
    InFlightLoadProducer.descriptor,
    RenderService.descriptor,
  ])

  /// The handler of configurations with one profile.
  package static let singleProfileHandler = SingleProfileHandler.descriptor
  /// The handler of configurations with a profile for each stage.
  package static let stagedHandler = DisaggregationHandler.descriptor

  /// All types.
  package let descriptors: [PluginDescriptor]
  private let byName: [String: PluginDescriptor]

  /// - Parameter descriptors: types without names in common.
  package init(_ descriptors: [PluginDescriptor]) {
    self.descriptors = descriptors
    var byName: [String: PluginDescriptor] = [:]
    for descriptor in descriptors {
      for name in [descriptor.type] + descriptor.olderNames {
        precondition(byName.updateValue(descriptor, forKey: name) == nil, "two plugin types are called \(name)")
      }
    }
    self.byName = byName
  }

  /// The list with further types, of other modules or of tests.
  package func adding(_ more: PluginDescriptor...) -> PluginList { PluginList(descriptors + more) }

  /// The type with this name or older name; nil when there is none.
  package subscript(_ name: String) -> PluginDescriptor? { byName[name] }

  /// The names of the types with a role.
  package func types(_ role: PluginRole) -> [String] {
    descriptors.filter { $0.roles.contains(role) }.map(\.type)
  }

  /// All known names, the supported ones first, for suggestions.
  package var names: [String] {
    descriptors.map(\.type) + descriptors.flatMap(\.olderNames) + Self.unsupported + Self.predictedLatency
  }

  /// Whether llm-d's endpoint picker has a type that this version does not have.
  package func isUnsupported(_ name: String) -> Bool {
    byName[name] == nil
      && (Self.unsupported.contains(name) || Self.predictedLatency.contains(name) || name.hasPrefix("multicluster-"))
  }

  /// Why a type is refused, in one sentence.
  package static func unsupportedMessage(_ name: String) -> String {
    if predictedLatency.contains(name) {
      return "'\(name)' is part of llm-d's predicted latency, which is not supported by this version yet"
    }
    return "'\(name)' is known in llm-d but not supported by this version yet"
  }

  /// The types of predicted latency.
  private static let predictedLatency = [
    "predicted-latency-producer", "latency-scorer", "slo-headroom-tier-filter", "latency-slo-admitter",
  ]

  /// llm-d's other types (its source at ebab6879, 2026-08).
  private static let unsupported = [
    "local-syncer", "latency-observer-producer-hub",
    "latency-observation-scorer-hub",
  ]
}
