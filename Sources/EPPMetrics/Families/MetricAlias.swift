/// An older name of a family, which dashboards and autoscalers of earlier releases still query.
///
/// Nothing is counted twice: the text writer derives the older series from the current ones. Where the older family has fewer
/// labels, series with equal labels are summed.
struct MetricAlias: Sendable {
  /// A label of the older family and the current label that it is read from.
  struct Label: Sendable {
    /// The name of the older label.
    var name: String
    /// The current label.
    var source: LabelName
  }

  /// The current name of the family.
  var family: String
  /// The older name of the family.
  var name: String
  /// The labels of the older family; nil when they are those of the current one.
  var labels: [Label]?

  init(_ family: String, _ name: String, _ labels: [Label]? = nil) {
    self.family = family
    self.name = name
    self.labels = labels
  }

  init(_ family: String, _ name: String, keeping labels: [LabelName]) {
    self.init(family, name, labels.map { Label(name: $0.rawValue, source: $0) })
  }

  /// The series under the older name, in the order of their label values.
  ///
  /// - Parameter labels: The names of the family's labels, in the order of the series' values.
  func series(of series: [MetricSeries], labels familyLabels: [LabelName]) -> [MetricSeries] {
    guard let labels else { return series }
    let places = labels.compactMap { familyLabels.firstIndex(of: $0.source) }
    var merged: [[String]: MetricReading] = [:]
    for one in series {
      let values = places.map { one.labelValues[$0] }
      merged[values]?.add(one.reading) ?? (merged[values] = one.reading)
    }
    return merged.map { MetricSeries(labelValues: $0.key, reading: $0.value) }
      .sorted { $0.labelValues.lexicographicallyPrecedes($1.labelValues) }
  }

  /// The names of the older series' labels.
  func labelNames(of familyLabels: [LabelName]) -> [String] {
    labels.map { $0.map(\.name) } ?? familyLabels.map(\.rawValue)
  }
}

extension MetricAlias {
  private static let models: [LabelName] = [.modelName, .targetModelName]

  /// All older names that are written with `--legacy-metrics`.
  static let all: [MetricAlias] = [
    MetricAlias("llm_d_epp_request_total", "inference_objective_request_total", keeping: models + [.priority]),
    MetricAlias(
      "llm_d_epp_request_error_total", "inference_objective_request_error_total", keeping: models + [.errorCode]),
    MetricAlias(
      "llm_d_epp_request_duration_seconds", "inference_objective_request_duration_seconds", keeping: models),
    MetricAlias("llm_d_epp_request_size_bytes", "inference_objective_request_sizes", keeping: models),
    MetricAlias("llm_d_epp_response_size_bytes", "inference_objective_response_sizes", keeping: models),
    MetricAlias("llm_d_epp_request_input_tokens", "inference_objective_input_tokens", keeping: models),
    MetricAlias("llm_d_epp_request_output_tokens", "inference_objective_output_tokens", keeping: models),
    MetricAlias("llm_d_epp_request_cached_tokens", "inference_objective_prompt_cached_tokens", keeping: models),
    MetricAlias("llm_d_epp_request_running", "inference_objective_running_requests", keeping: [.modelName]),
    MetricAlias(
      "llm_d_epp_request_ntpot_seconds", "inference_objective_normalized_time_per_output_token_seconds",
      keeping: models),
    MetricAlias("llm_d_epp_model_rewrite_decisions_total", "inference_extension_model_rewrite_decisions_total"),
    MetricAlias("llm_d_epp_average_kv_cache_utilization", "inference_pool_average_kv_cache_utilization"),
    MetricAlias("llm_d_epp_average_queue_size", "inference_pool_average_queue_size"),
    MetricAlias("llm_d_epp_average_running_requests", "inference_pool_average_running_requests"),
    MetricAlias("llm_d_epp_ready_endpoints", "inference_pool_ready_pods"),
    MetricAlias(
      "llm_d_epp_per_endpoint_queue_size", "inference_pool_per_pod_queue_size",
      [Label(name: "name", source: .name), Label(name: "model_server_pod", source: .modelServerEndpoint)]),
    MetricAlias("llm_d_epp_scheduler_e2e_duration_seconds", "inference_extension_scheduler_e2e_duration_seconds"),
    MetricAlias(
      "llm_d_epp_scheduler_attempts_total", "inference_extension_scheduler_attempts_total",
      [
        Label(name: "status", source: .status), Label(name: "target_model_name", source: .targetModelName),
        Label(name: "pod_name", source: .endpointName), Label(name: "namespace", source: .namespace),
        Label(name: "port", source: .port),
      ]),
    MetricAlias("llm_d_epp_plugin_duration_seconds", "inference_extension_plugin_duration_seconds"),
    MetricAlias(
      "llm_d_epp_disagg_decision_total", "llm_d_inference_scheduler_disagg_decision_total",
      keeping: [.modelName, .decisionType]),
    MetricAlias("llm_d_epp_flow_control_pool_saturation", "inference_extension_flow_control_pool_saturation"),
    MetricAlias("llm_d_epp_info", "inference_extension_info"),
    MetricAlias("llm_d_epp_datalayer_poll_errors_total", "llm_d_inference_scheduler_datalayer_poll_errors_total"),
    MetricAlias(
      "llm_d_epp_datalayer_extract_errors_total", "llm_d_inference_scheduler_datalayer_extract_errors_total"),
    MetricAlias("llm_d_epp_prefix_indexer_size", "inference_extension_prefix_indexer_size", keeping: []),
    MetricAlias("llm_d_epp_prefix_indexer_hit_ratio", "inference_extension_prefix_indexer_hit_ratio", keeping: []),
    MetricAlias("llm_d_epp_prefix_indexer_hit_bytes", "inference_extension_prefix_indexer_hit_bytes", keeping: []),
    MetricAlias("llm_d_epp_kv_cache_index_admissions_total", "kvcache_index_admissions_total"),
    MetricAlias("llm_d_epp_kv_cache_index_evictions_total", "kvcache_index_evictions_total"),
    MetricAlias("llm_d_epp_kv_cache_index_lookup_requests_total", "kvcache_index_lookup_requests_total"),
    MetricAlias("llm_d_epp_kv_cache_index_lookup_hits_total", "kvcache_index_lookup_hits_total"),
    MetricAlias("llm_d_epp_kv_cache_index_max_pod_hit_count_total", "kvcache_index_max_pod_hit_count_total"),
    MetricAlias("llm_d_epp_kv_cache_index_lookup_latency_seconds", "kvcache_index_lookup_latency_seconds"),
    MetricAlias(
      "llm_d_epp_kv_cache_events_dedup_removed_hashes_suppressed_total",
      "kvcache_kvevents_dedup_removed_hashes_suppressed_total"),
    MetricAlias(
      "llm_d_epp_kv_cache_events_dedup_removed_hashes_forwarded_total",
      "kvcache_kvevents_dedup_removed_hashes_forwarded_total"),
    // Names of the Gateway API inference extension before 1.0, which alerts still ask for.
    MetricAlias("llm_d_epp_request_total", "inference_model_request_total", keeping: models),
    MetricAlias(
      "llm_d_epp_request_error_total", "inference_model_request_error_total", keeping: models + [.errorCode]),
    MetricAlias("llm_d_epp_request_duration_seconds", "inference_model_request_duration_seconds", keeping: models),
  ]
}
