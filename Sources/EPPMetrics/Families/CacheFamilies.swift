/// Families of llm-d about prompts in prefix caches, the index of engines' blocks, and its subscriptions.
struct CacheFamilies: Sendable {
  let predictedTokens: MetricFamily<Histogram>
  let promptTokens: MetricFamily<Histogram>
  let bestPredictedTokens: MetricFamily<Histogram>
  let bestAvailableTokens: MetricFamily<Histogram>
  let indexAdmissions: MetricFamily<Counter>
  let indexEvictions: MetricFamily<Counter>
  let indexLookups: MetricFamily<Counter>
  let indexHits: MetricFamily<Counter>
  let indexMaximumHits: MetricFamily<Counter>
  let indexLatency: MetricFamily<Histogram>
  let subscribers: MetricFamily<Gauge>
  let reconnections: MetricFamily<Counter>
  let messages: MetricFamily<Counter>
  let suppressedRemovals: MetricFamily<Counter>
  let forwardedRemovals: MetricFamily<Counter>
  let skippedStores: MetricFamily<Counter>
  let skippedRemovals: MetricFamily<Counter>
  let errors: MetricFamily<Counter>
  let queueDepth: MetricFamily<Gauge>
  let capacity: MetricFamily<Gauge>
  let replaysCompleted: MetricFamily<Counter>
  let replaysFailed: MetricFamily<Counter>
  let replaysUnderWay: MetricFamily<Gauge>
  let replayedMessages: MetricFamily<Counter>
  let lastReplay: MetricFamily<Gauge>

  init(_ list: inout MetricFamilyList) {
    let request: [LabelName] = .plugin + [.endpointRole]
    let best: [LabelName] = request + [.modality]
    predictedTokens = list.histogram(
      "prefix_predicted_cached_tokens",
      "Prompt tokens predicted in the cache of the endpoint that computes the prompt.",
      request, .promptTokens)
    promptTokens = list.histogram(
      "prefix_prompt_tokens", "Prompt tokens of requests that a prediction was made for.", request, .promptTokens)
    bestPredictedTokens = list.histogram(
      "prefix_best_predicted_cached_tokens",
      "The most prompt tokens predicted in the cache of any endpoint that the picker chose among.", best, .promptTokens)
    bestAvailableTokens = list.histogram(
      "prefix_best_available_cached_tokens",
      "The most prompt tokens predicted in the cache of any endpoint of the pool.", best, .promptTokens)
    indexAdmissions = list.counter("kv_cache_index_admissions_total", "Copies of blocks that engines announced.", [])
    indexEvictions = list.counter(
      "kv_cache_index_evictions_total", "Copies of blocks that engines announced as removed.", [])
    indexLookups = list.counter("kv_cache_index_lookup_requests_total", "Prompts that were looked up by token ids.", [])
    indexHits = list.counter(
      "kv_cache_index_lookup_hits_total", "Blocks of the longest match of each prompt that was looked up.", [])
    indexMaximumHits = list.counter(
      "kv_cache_index_max_pod_hit_count_total", "Blocks of the longest match of each prompt that was looked up.", [])
    indexLatency = list.histogram(
      "kv_cache_index_lookup_latency_seconds", "Time to look a prompt's blocks up.", [], .indexLookup)
    subscribers = list.gauge("kv_cache_events_active_subscribers", "Streams of KV events that are followed.", [])
    reconnections = list.counter(
      "kv_cache_events_subscriber_reconnections_total", "Attempts to connect to an engine's KV events again.",
      [.podIdentifier])
    messages = list.counter(
      "kv_cache_events_messages_received_total", "Messages of an engine's KV events.", [.podIdentifier])
    suppressedRemovals = list.counter(
      "kv_cache_events_dedup_removed_hashes_suppressed_total",
      "Blocks announced as removed that stay, because they were announced more often than removed.", [])
    forwardedRemovals = list.counter(
      "kv_cache_events_dedup_removed_hashes_forwarded_total", "Blocks announced as removed that went.", [])
    skippedStores = list.counter(
      "kv_cache_events_stores_skipped_total", "Announcements of blocks that are not indexed.", [.cacheKind, .reason])
    skippedRemovals = list.counter(
      "kv_cache_events_removals_skipped_total", "Announcements of removals in groups of blocks that are not indexed.",
      [.cacheKind, .reason])
    errors = list.counter(
      "kv_cache_events_zmq_errors_total", "Failures to connect to an engine's KV events, to receive or to replay them.",
      [.podIdentifier, .operation])
    queueDepth = list.gauge(
      "kv_cache_events_pool_queue_depth", "Messages of KV events that wait for the end of a replay.", [])
    capacity = list.gauge("kv_cache_events_pool_capacity", "Threads that apply KV events.", [])
    replaysCompleted = list.counter(
      "kv_cache_events_replay_completed_total", "Replays of an engine's KV events that were complete.",
      [.podIdentifier])
    replaysFailed = list.counter(
      "kv_cache_events_replay_failures_total", "Replays of an engine's KV events that were not.", [.podIdentifier])
    replaysUnderWay = list.gauge(
      "kv_cache_events_replay_active", "Replays of an engine's KV events that are under way.", [.podIdentifier])
    replayedMessages = list.counter(
      "kv_cache_events_replay_processed_total", "Messages that replays of an engine's KV events have brought.",
      [.podIdentifier])
    lastReplay = list.gauge(
      "kv_cache_events_replay_last_completion_timestamp_seconds",
      "Unix time of the end of an engine's last replay that was complete.", [.podIdentifier])
  }
}
