import EPPScheduling

/// The plugin types that a configuration file may name.
enum PluginType: Equatable {
  case scorer(ScorerConfiguration.TypeName)
  case picker(PickerConfiguration.TypeName)
  /// `approx-prefix-cache-producer`: settings of the prefix index.
  case prefixProducer
  /// `precise-prefix-cache-producer`: where engines' KV events are.
  case preciseProducer
  /// `precise-prefix-cache-scorer`: the same, and `prefix-cache-scorer`.
  case preciseScorer
  /// `session-id-producer`: which header holds the session.
  case sessionProducer
  /// `file-discovery`: a file that lists endpoints.
  case fileDiscovery
  /// What is always so here, whether it is named or not.
  case builtIn(BuiltInPlugin)
  /// Known to the anchor, not to this version.
  case unsupported

  init?(_ name: String) {
    if let type = ScorerConfiguration.TypeName(rawValue: name) {
      self = .scorer(type)
    } else if let type = PickerConfiguration.TypeName(rawValue: name) {
      self = .picker(type)
    } else if let type = Self.others.first(where: { $0.name == name })?.type {
      self = type
    } else if let type = BuiltInPlugin(rawValue: name) {
      self = .builtIn(type)
    } else if Self.anchorOnly.contains(name) || name.hasPrefix("multicluster-") {
      self = .unsupported
    } else {
      return nil
    }
  }

  var role: PluginRole {
    switch self {
    case .scorer, .preciseScorer: .scorer
    case .picker: .picker
    case .prefixProducer, .preciseProducer, .sessionProducer: .producer
    case .fileDiscovery: .discovery
    case .builtIn(let plugin): plugin.role
    case .unsupported: .any
    }
  }

  /// Every name that exists, those that work first: for suggestions.
  static var names: [String] {
    ScorerConfiguration.TypeName.allCases.map(\.rawValue) + PickerConfiguration.TypeName.allCases.map(\.rawValue)
      + others.map(\.name) + BuiltInPlugin.allCases.map(\.rawValue) + anchorOnly
  }

  private static let others: [(name: String, type: PluginType)] = [
    ("approx-prefix-cache-producer", .prefixProducer), ("precise-prefix-cache-producer", .preciseProducer),
    ("precise-prefix-cache-scorer", .preciseScorer), ("session-id-producer", .sessionProducer),
    ("file-discovery", .fileDiscovery), ("tokenizer", .builtIn(.tokenProducer)),
  ]

  /// The anchor's other types (its source at ebab6879, 2026-08).
  private static let anchorOnly = [
    "load-aware-scorer", "active-request-scorer", "token-load-scorer",
    "no-hit-lru-scorer", "context-length-aware", "endpoint-attribute-scorer", "header-label-affinity-scorer",
    "mm-embeddings-cache-scorer", "topology-affinity-scorer", "latency-scorer", "label-selector-filter",
    "by-label-selector", "by-label", "decode-filter", "prefill-filter", "encode-filter", "prefix-cache-affinity-filter",
    "utilization-filter", "endpoint-attribute-filter", "slo-headroom-tier-filter", "session-affinity-filter",
    "topology-affinity-filter", "header-based-testing-filter", "weighted-random-picker", "disagg-profile-handler",
    "header-profile-handler", "data-parallel-profile-handler", "pd-profile-handler", "disagg-headers-handler",
    "prefill-header-handler", "burst-prefix-cache-producer", "p2p-source-producer",
    "predicted-latency-producer", "mm-embeddings-cache-producer", "request-attribute-reporter", "agent-identity",
    "latency-slo-admitter", "probabilistic-admitter", "disaggregatedset-rollout-screener", "models-data-source",
    "dcgm-data-source", "k8s-notification-source", "endpoint-notification-source", "models-data-extractor",
    "dcgm-extractor", "topology-extractor", "local-syncer", "concurrency-detector", "edf-ordering-policy",
    "slo-deadline-ordering-policy", "round-robin-fairness-policy", "program-aware-fairness",
    "priority-holdback-policy", "soft-reflective-ceiling-policy", "sheddable-eviction-filter",
    "priority-then-time-eviction-order-policy", "always-disagg-pd-decider", "prefix-based-pd-decider",
    "always-disagg-multimodal-decider", "destination-endpoint-served-verifier", "vllmhttp-parser",
    "sglanghttp-parser", "vllmgrpc-parser", "vertexai-parser",
  ]
}
