import EPPScheduling

/// The plugin types that a configuration file may name.
enum PluginType: Equatable {
  case scorer(ScorerConfiguration.TypeName)
  case picker(PickerConfiguration.TypeName)
  /// `approx-prefix-cache-producer`: settings of the prefix index.
  case prefixProducer
  /// `session-id-producer`: which header holds the session.
  case sessionProducer
  /// What is always so here, whether it is named or not.
  case builtIn
  /// Known to the anchor, not to this version.
  case unsupported

  init?(_ name: String) {
    if let type = ScorerConfiguration.TypeName(rawValue: name) {
      self = .scorer(type)
    } else if let type = PickerConfiguration.TypeName(rawValue: name) {
      self = .picker(type)
    } else if name == "approx-prefix-cache-producer" {
      self = .prefixProducer
    } else if name == "session-id-producer" {
      self = .sessionProducer
    } else if Self.builtIns.contains(name) {
      self = .builtIn
    } else if Self.anchorOnly.contains(name) {
      self = .unsupported
    } else {
      return nil
    }
  }

  /// All names that are not an error, for suggestions.
  static var supportedNames: [String] {
    ScorerConfiguration.TypeName.allCases.map(\.rawValue) + PickerConfiguration.TypeName.allCases.map(\.rawValue)
      + ["approx-prefix-cache-producer", "session-id-producer"] + builtIns
  }

  private static let builtIns = [
    "single-profile-handler", "metrics-data-source", "core-metrics-extractor", "utilization-detector",
    "fcfs-ordering-policy", "global-strict-fairness-policy", "static-usage-limit-policy", "openai-parser",
    "anthropic-parser", "passthrough-parser", "inflight-load-producer",
  ]

  /// The anchor's other types (its source at ebab6879, 2026-08).
  private static let anchorOnly: Set<String> = [
    "load-aware-scorer", "active-request-scorer", "token-load-scorer", "precise-prefix-cache-scorer",
    "no-hit-lru-scorer", "context-length-aware", "endpoint-attribute-scorer", "header-label-affinity-scorer",
    "mm-embeddings-cache-scorer", "topology-affinity-scorer", "latency-scorer", "label-selector-filter",
    "by-label-selector", "by-label", "decode-filter", "prefill-filter", "encode-filter", "prefix-cache-affinity-filter",
    "utilization-filter", "endpoint-attribute-filter", "slo-headroom-tier-filter", "session-affinity-filter",
    "topology-affinity-filter", "header-based-testing-filter", "weighted-random-picker", "disagg-profile-handler",
    "header-profile-handler", "data-parallel-profile-handler", "pd-profile-handler", "disagg-headers-handler",
    "prefill-header-handler", "precise-prefix-cache-producer", "burst-prefix-cache-producer", "p2p-source-producer",
    "predicted-latency-producer", "mm-embeddings-cache-producer", "token-producer", "tokenizer",
    "request-attribute-reporter", "agent-identity", "latency-slo-admitter", "probabilistic-admitter",
    "disaggregatedset-rollout-screener", "file-discovery", "models-data-source", "dcgm-data-source",
    "k8s-notification-source", "endpoint-notification-source", "models-data-extractor", "dcgm-extractor",
    "topology-extractor", "local-syncer", "concurrency-detector", "edf-ordering-policy",
    "slo-deadline-ordering-policy", "round-robin-fairness-policy", "program-aware-fairness",
    "priority-holdback-policy", "soft-reflective-ceiling-policy", "sheddable-eviction-filter",
    "priority-then-time-eviction-order-policy", "always-disagg-pd-decider", "prefix-based-pd-decider",
    "always-disagg-multimodal-decider", "destination-endpoint-served-verifier", "vllmhttp-parser",
    "sglanghttp-parser", "vllmgrpc-parser", "vertexai-parser",
  ]
}
