/// A list of plugin types. To add a type, add a file to this folder and a line here.
package struct PluginList: Sendable {
  /// The built-in types, in the order of `epp plugins`.
  package static let standard = PluginList([
    QueueScorer.descriptor,
    RunningRequestsScorer.descriptor,
    KVCacheUtilizationScorer.descriptor,
    PrefixCacheScorer.descriptor,
    LoRAAffinityScorer.descriptor,
    SessionAffinityScorer.descriptor,
    PrecisePrefixCacheScorer.descriptor,
    HeaderBasedTestingFilter.descriptor,
    ServedEndpointVerifier.descriptor,
    MaximumScorePicker.descriptor,
    RandomPicker.descriptor,
    PrefixSettings.descriptor,
    PreciseCacheSettings.descriptor,
    SessionSource.descriptor,
    EndpointsFileSettings.descriptor,
    SingleProfileHandler.descriptor,
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
    FirstComeOrderingPolicy.descriptor,
    GlobalStrictFairnessPolicy.descriptor,
    StaticUsageLimitPolicy.descriptor,
    OpenAIParser.descriptor,
    AnthropicParser.descriptor,
    PassthroughParser.descriptor,
    InFlightLoadProducer.descriptor,
    TokenProducer.descriptor,
  ])

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
    descriptors.map(\.type) + descriptors.flatMap(\.olderNames) + Self.unsupported
  }

  /// Whether llm-d's endpoint picker has a type that this version does not have.
  package func isUnsupported(_ name: String) -> Bool {
    byName[name] == nil && (Self.unsupported.contains(name) || name.hasPrefix("multicluster-"))
  }

  /// llm-d's other types (its source at ebab6879, 2026-08).
  private static let unsupported = [
    "load-aware-scorer", "active-request-scorer", "token-load-scorer",
    "no-hit-lru-scorer", "context-length-aware", "endpoint-attribute-scorer", "header-label-affinity-scorer",
    "mm-embeddings-cache-scorer", "topology-affinity-scorer", "latency-scorer", "label-selector-filter",
    "by-label-selector", "by-label", "decode-filter", "prefill-filter", "encode-filter", "prefix-cache-affinity-filter",
    "utilization-filter", "endpoint-attribute-filter", "slo-headroom-tier-filter", "session-affinity-filter",
    "topology-affinity-filter", "weighted-random-picker", "disagg-profile-handler",
    "header-profile-handler", "data-parallel-profile-handler", "pd-profile-handler", "disagg-headers-handler",
    "prefill-header-handler", "burst-prefix-cache-producer", "p2p-source-producer",
    "predicted-latency-producer", "mm-embeddings-cache-producer", "request-attribute-reporter", "agent-identity",
    "latency-slo-admitter", "probabilistic-admitter", "disaggregatedset-rollout-screener", "local-syncer",
    "concurrency-detector", "edf-ordering-policy",
    "slo-deadline-ordering-policy", "round-robin-fairness-policy", "program-aware-fairness",
    "priority-holdback-policy", "soft-reflective-ceiling-policy", "sheddable-eviction-filter",
    "priority-then-time-eviction-order-policy", "always-disagg-pd-decider", "prefix-based-pd-decider",
    "always-disagg-multimodal-decider", "vllmhttp-parser",
    "sglanghttp-parser", "vllmgrpc-parser", "vertexai-parser",
  ]
}
