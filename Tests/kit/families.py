"""The metric families of llm-d's EPP with their labels and buckets: what its dashboards, alerts and autoscalers ask for.

From llm-d-router's metrics.md, and from its declarations where the page says nothing of buckets or of older names."""

from dataclasses import dataclass, field

_MODEL = ("model_name", "target_model_name")
_REQUEST = (*_MODEL, "fairness_id", "priority")
_PLUGIN = ("plugin_name", "plugin_type")
_ENDPOINT = ("namespace", "port")
_POD = ("pod_identifier",)


def _powers(first: int, last: int) -> list[float]:
    return [float(2**exponent) for exponent in range(first, last + 1)]


_GENERATION = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60, 120, 180, 240, 300,
    360, 480, 600, 900, 1200, 1800, 2700, 3600,
]  # fmt: skip
_FIRST_TOKEN = _GENERATION[:24]
# 32778 is llm-d's own.
_TOKENS = [1, *_powers(3, 14), 32778, *_powers(16, 20)]
_SCHEDULING = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1]
_SHARE = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
_NORMALIZED = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]
_HIT_BYTES = [0, *_powers(4, 16)]
_RESPONSE_BYTES = [1, *_powers(3, 14), 32778, 65536]
_LOOKUP = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]


@dataclass(frozen=True)
class Family:
    """A family; `buckets` only of histograms. `values` are values of labels that have to be there, `is_idle` says that nothing
    under test makes it count."""

    kind: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    values: dict[str, set[str]] = field(default_factory=dict)
    is_idle: bool = False


def _counter(*labels: str, idle: bool = False, **values: set[str]) -> Family:
    return Family("counter", labels, values=values, is_idle=idle)


def _gauge(*labels: str, idle: bool = False, **values: set[str]) -> Family:
    return Family("gauge", labels, values=values, is_idle=idle)


def _histogram(buckets: list[float], *labels: str, **values: set[str]) -> Family:
    return Family("histogram", labels, tuple(float(bucket) for bucket in buckets), values)


_CURRENT = {
    "request_total": _counter(*_REQUEST),
    "request_error_total": _counter(
        *_REQUEST, "error_code",
        error_code={"BadRequest", "ModelServerError", "PreconditionFailed", "ResourceExhausted", "ServiceUnavailable"},
    ),
    "request_duration_seconds": _histogram(_GENERATION, *_REQUEST),
    "request_size_bytes": _histogram(_powers(6, 30), *_REQUEST),
    "response_size_bytes": _histogram(_RESPONSE_BYTES, *_REQUEST),
    "request_input_tokens": _histogram(_TOKENS, *_REQUEST),
    "request_output_tokens": _histogram([1, *_powers(3, 13)], *_REQUEST),
    "request_cached_tokens": _histogram(_TOKENS, *_REQUEST),
    "request_running": _gauge(*_REQUEST),
    "request_ntpot_seconds": _histogram(_NORMALIZED, *_REQUEST),
    "request_ttft_seconds": _histogram(_FIRST_TOKEN, *_REQUEST, "streaming", streaming={"true", "false"}),
    "request_streaming_tpot_seconds": _histogram(
        [0.0005, 0.00205, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 2],
        *_REQUEST,
    ),
    "request_streaming_itl_seconds": _histogram(
        [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2], *_REQUEST
    ),
    "average_kv_cache_utilization": _gauge("name"),
    "average_queue_size": _gauge("name", idle=True),
    "average_running_requests": _gauge("name"),
    "std_dev_kv_cache_utilization": _gauge("name"),
    "std_dev_queue_size": _gauge("name", idle=True),
    "std_dev_running_requests": _gauge("name"),
    "ready_endpoints": _gauge("name", name={"chat"}),
    "per_endpoint_queue_size": _gauge("name", "model_server_endpoint", idle=True),
    "scheduler_e2e_duration_seconds": _histogram(_SCHEDULING),
    "scheduler_attempts_total": _counter(
        "status", "target_model_name", "endpoint_name", *_ENDPOINT, status={"success", "failure"}
    ),
    "plugin_duration_seconds": _histogram(
        _SCHEDULING, "extension_point", *_PLUGIN,
        extension_point={
            "RequestParsing", "DataProducer", "ProfilePicker", "Filter", "Scorer", "Picker", "ProcessProfilesResults", "PreRequest",
            "ResponseReceived", "ResponseStreaming", "ResponseComplete",
        },
        plugin_type={"precise-prefix-cache-producer", "token-producer", "prefix-cache-scorer", "queue-scorer", "openai-parser"},
    ),
    "request_processing_duration_seconds": _histogram(
        [0.0005, 0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.04, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    ),
    "response_processing_duration_seconds": _histogram(
        [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
    ),
    "info": _gauge("commit", "build_ref"),
    "model_rewrite_decisions_total": _counter(
        "model_rewrite_name", "model_name", "target_model", model_rewrite_name={"canary"}, target_model={"engine-sim"}
    ),
    "datalayer_poll_errors_total": _counter("source_type", source_type={"metrics-data-source"}),
    "datalayer_extract_errors_total": _counter("source_type", "extractor_type", idle=True),
    "prefix_indexer_size": _gauge(*_PLUGIN, plugin_type={"precise-prefix-cache-producer"}),
    "prefix_indexer_hit_ratio": _histogram(_SHARE, *_PLUGIN, plugin_type={"precise-prefix-cache-producer"}),
    "prefix_indexer_hit_bytes": _histogram(_HIT_BYTES, *_PLUGIN, plugin_type={"precise-prefix-cache-producer"}),
    "inflight_requests": _gauge("endpoint_name", "namespace", "producer_name", "fairness_id", "priority"),
    "inflight_tokens": _gauge("endpoint_name", "namespace", "producer_name", "fairness_id", "priority", idle=True),
    "flow_control_pool_saturation": _gauge(
        "inference_pool", "stage", inference_pool={"chat"}, stage={"prefill", "decode", "effective"}
    ),
    "flow_control_detector_saturation": _gauge("detector", "stage", detector={"concurrency-detector"}),
    "flow_control_stale_endpoints": _gauge("detector", idle=True),
    "disagg_decision_total": _counter(
        *_PLUGIN, "model_name", "decision_type", plugin_type={"disagg-profile-handler"},
        decision_type={"decode-only", "prefill-decode"},
    ),
    "prefix_cache_affinity_filter_decisions_total": _counter(
        "plugin_name", "outcome", outcome={"sticky", "no_match", "not_applicable"}
    ),
    "extproc_streams_inflight": _gauge(),
    "extproc_stream_duration_seconds": _histogram([0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600]),
    "extproc_streams_total": _counter("code", code={"OK"}),
    "prefix_predicted_cached_tokens": _histogram(
        _TOKENS, *_PLUGIN, "endpoint_role", endpoint_role={"prefill", "decode"}, plugin_type={"precise-prefix-cache-producer"}
    ),
    "prefix_prompt_tokens": _histogram(_TOKENS, *_PLUGIN, "endpoint_role", plugin_type={"precise-prefix-cache-producer"}),
    "prefix_best_predicted_cached_tokens": _histogram(_TOKENS, *_PLUGIN, "endpoint_role", "modality", modality={"none"}),
    "prefix_best_available_cached_tokens": _histogram(_TOKENS, *_PLUGIN, "endpoint_role", "modality"),
    "kv_cache_index_admissions_total": _counter(),
    "kv_cache_index_evictions_total": _counter(idle=True),
    "kv_cache_index_lookup_requests_total": _counter(),
    "kv_cache_index_lookup_hits_total": _counter(),
    "kv_cache_index_max_pod_hit_count_total": _counter(),
    "kv_cache_index_lookup_latency_seconds": _histogram(_LOOKUP),
    "kv_cache_events_active_subscribers": _gauge(),
    "kv_cache_events_subscriber_reconnections_total": _counter(*_POD),
    "kv_cache_events_messages_received_total": _counter(*_POD),
    "kv_cache_events_dedup_removed_hashes_suppressed_total": _counter(idle=True),
    "kv_cache_events_dedup_removed_hashes_forwarded_total": _counter(idle=True),
    "kv_cache_events_zmq_errors_total": _counter(*_POD, "operation", operation={"recv", "connect"}),
    "kv_cache_events_pool_queue_depth": _gauge(idle=True),
    "kv_cache_events_pool_capacity": _gauge(),
    "kv_cache_events_replay_completed_total": _counter(*_POD, idle=True),
    "kv_cache_events_replay_failures_total": _counter(*_POD, idle=True),
    "kv_cache_events_replay_active": _gauge(*_POD, idle=True),
    "kv_cache_events_replay_processed_total": _counter(*_POD, idle=True),
    "kv_cache_events_replay_last_completion_timestamp_seconds": _gauge(*_POD),
}  # fmt: skip

# Their names before llm-d-router; most have fewer labels.
_OLDER = {
    "inference_objective_request_total": _counter(*_MODEL, "priority"),
    "inference_objective_request_error_total": _counter(*_MODEL, "error_code"),
    "inference_objective_request_duration_seconds": _histogram(_GENERATION, *_MODEL),
    "inference_objective_request_sizes": _histogram(_powers(6, 30), *_MODEL),
    "inference_objective_response_sizes": _histogram(_RESPONSE_BYTES, *_MODEL),
    "inference_objective_input_tokens": _histogram(_TOKENS, *_MODEL),
    "inference_objective_output_tokens": _histogram([1, *_powers(3, 13)], *_MODEL),
    "inference_objective_prompt_cached_tokens": _histogram(_TOKENS, *_MODEL),
    "inference_objective_running_requests": _gauge("model_name"),
    "inference_objective_normalized_time_per_output_token_seconds": _histogram(_NORMALIZED, *_MODEL),
    "inference_model_request_total": _counter(*_MODEL),
    "inference_model_request_error_total": _counter(*_MODEL, "error_code"),
    "inference_model_request_duration_seconds": _histogram(_GENERATION, *_MODEL),
    "inference_pool_average_kv_cache_utilization": _gauge("name"),
    "inference_pool_average_queue_size": _gauge("name", idle=True),
    "inference_pool_average_running_requests": _gauge("name"),
    "inference_pool_ready_pods": _gauge("name"),
    "inference_pool_per_pod_queue_size": _gauge("name", "model_server_pod", idle=True),
    "inference_extension_scheduler_e2e_duration_seconds": _histogram(_SCHEDULING),
    "inference_extension_scheduler_attempts_total": _counter("status", "target_model_name", "pod_name", *_ENDPOINT),
    "inference_extension_plugin_duration_seconds": _histogram(_SCHEDULING, "extension_point", *_PLUGIN),
    "inference_extension_info": _gauge("commit", "build_ref"),
    "inference_extension_model_rewrite_decisions_total": _counter("model_rewrite_name", "model_name", "target_model"),
    "inference_extension_flow_control_pool_saturation": _gauge("inference_pool", "stage"),
    "inference_extension_prefix_indexer_size": _gauge(),
    "inference_extension_prefix_indexer_hit_ratio": _histogram(_SHARE),
    "inference_extension_prefix_indexer_hit_bytes": _histogram(_HIT_BYTES),
    "llm_d_inference_scheduler_datalayer_poll_errors_total": _counter("source_type"),
    "llm_d_inference_scheduler_datalayer_extract_errors_total": _counter("source_type", "extractor_type", idle=True),
    "llm_d_inference_scheduler_disagg_decision_total": _counter("model_name", "decision_type"),
    "kvcache_index_admissions_total": _counter(),
    "kvcache_index_evictions_total": _counter(idle=True),
    "kvcache_index_lookup_requests_total": _counter(),
    "kvcache_index_lookup_hits_total": _counter(),
    "kvcache_index_max_pod_hit_count_total": _counter(),
    "kvcache_index_lookup_latency_seconds": _histogram(_LOOKUP),
    "kvcache_kvevents_dedup_removed_hashes_suppressed_total": _counter(idle=True),
    "kvcache_kvevents_dedup_removed_hashes_forwarded_total": _counter(idle=True),
}

# What Prometheus' client libraries say of every process.
_PROCESS = {
    "process_cpu_seconds_total": _counter(),
    "process_resident_memory_bytes": _gauge(),
    "process_virtual_memory_bytes": _gauge(),
    "process_start_time_seconds": _gauge(),
    "process_open_fds": _gauge(),
    "process_max_fds": _gauge(),
}

FAMILIES = {f"llm_d_epp_{name}": family for name, family in _CURRENT.items()} | _OLDER | _PROCESS

# Features that this picker does not have: a 0 would say that nothing happened.
ABSENT = [
    r"llm_d_epp_flow_control_(queue|request|requests|dispatch|capacity|global|revocation|revocations|reclaim|pending)_.+",
    r"inference_extension_flow_control_(queue|request|dispatch)_.+",
    r"llm_d_epp_(inference_request_metric|request_predicted_.+|request_.+_prediction_duration_seconds|request_slo_violation_total)",
    r"inference_objective_(request_predicted_.+|request_.+_prediction_.+|request_slo_violation_total|inference_request_metric)",
    r"llm_d_epp_encoder_cache_.+",
    r"llm_d_epp_program_aware_.+",
    r"llm_d_epp_disaggregatedset_.+",
    r"(llm_d_epp|llm_d_inference_scheduler)_pd_decision_total",
    r"llm_d_epp_plugin_data_scope_violations_total",
    r"go_.+",
]
