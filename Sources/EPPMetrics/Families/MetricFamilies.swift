/// Every metric family of the product, declared once: name, help, labels, buckets.
///
/// A family that the llm-d EPP also has keeps llm-d's `llm_d_epp_` name, so that existing dashboards work, and llm-d's
/// stability mark in the help text. All other families start with `epp_`.
struct MetricFamilies: Sendable {
  /// All families, in the order of their names.
  let all: [any ReadableMetricFamily]

  let requests: MetricFamily<Counter>
  let requestErrors: MetricFamily<Counter>
  let requestDuration: MetricFamily<Histogram>
  let requestSize: MetricFamily<Histogram>
  let responseSize: MetricFamily<Histogram>
  let inputTokens: MetricFamily<Histogram>
  let outputTokens: MetricFamily<Histogram>
  let cachedTokens: MetricFamily<Histogram>
  let requestsRunning: MetricFamily<Gauge>
  let normalizedTimePerOutputToken: MetricFamily<Histogram>
  let timeToFirstToken: MetricFamily<Histogram>
  let timeToResponseHeaders: MetricFamily<Histogram>
  let timePerOutputToken: MetricFamily<Histogram>
  let interTokenLatency: MetricFamily<Histogram>
  let modelRewrites: MetricFamily<Counter>
  let pool: PoolFamilies
  let queueSize: MetricFamily<Gauge>
  let schedulerDuration: MetricFamily<Histogram>
  let schedulerAttempts: MetricFamily<Counter>
  let pluginDuration: MetricFamily<Histogram>
  let requestProcessing: MetricFamily<Histogram>
  let responseProcessing: MetricFamily<Histogram>
  let info: MetricFamily<Gauge>
  let pollErrors: MetricFamily<Counter>
  let extractErrors: MetricFamily<Counter>
  let prefixIndexerSize: MetricFamily<Gauge>
  let prefixIndexerHitRatio: MetricFamily<Histogram>
  let prefixIndexerHitBytes: MetricFamily<Histogram>
  let inFlightRequests: MetricFamily<Gauge>
  let inFlightTokens: MetricFamily<Gauge>
  let streamsInFlight: MetricFamily<Gauge>
  let streamDuration: MetricFamily<Histogram>
  let streams: MetricFamily<Counter>
  let prefixCacheQueriedTokens: MetricFamily<Counter>
  let prefixCacheHitTokens: MetricFamily<Counter>
  let prefixPredictionError: MetricFamily<Histogram>
  let prefixResyncs: MetricFamily<Counter>
  let prefixExactTokens: MetricFamily<Counter>
  let prefixAnnouncedTokens: MetricFamily<Counter>
  let prefixCounterError: MetricFamily<Gauge>
  let prefixUnmatchedWindows: MetricFamily<Counter>
  let prefixIndexBlocks: MetricFamily<Gauge>
  let prefixIndexBytes: MetricFamily<Gauge>
  let prefixIndexLimit: MetricFamily<Gauge>
  let prefixIndexRefusals: MetricFamily<Counter>
  let kvEvents: KVEventFamilies
  let tokens: TokenFamilies
  let kubernetes: KubernetesFamilies
  let scheduling: SchedulingFamilies
  let cache: CacheFamilies
  let sessionAffinity: MetricFamily<Counter>
  let sessions: MetricFamily<Gauge>
  let sessionTokensIgnored: MetricFamily<Counter>
  let sessionAddressShare: MetricFamily<Gauge>
  let rejections: MetricFamily<Counter>
  let bufferedBodyBytes: MetricFamily<Gauge>
  let writesGathered: MetricFamily<Gauge>
  let writeHold: MetricFamily<Histogram>
  let unsentWaits: MetricFamily<Counter>
  let activeWorkers: MetricFamily<Gauge>
  let endpointStale: MetricFamily<Gauge>
  let endpointRefusing: MetricFamily<Gauge>
  let endpointMissingFamilies: MetricFamily<Gauge>
  let endpointScrapeAge: MetricFamily<Gauge>
  let seriesDropped: MetricFamily<Counter>

  /// Families about engines' KV events and their effect on the prefix index.
  struct KVEventFamilies: Sendable {
    let messages: MetricFamily<Counter>
    let blocks: MetricFamily<Counter>
    let clears: MetricFamily<Counter>
    let replays: MetricFamily<Counter>
    let streams: MetricFamily<Gauge>
    let streamState: MetricFamily<Gauge>
    let lost: MetricFamily<Counter>
    let restarts: MetricFamily<Counter>

    init(_ list: inout MetricFamilyList) {
      messages = list.own(
        "kv_events_messages_total", "Messages of engines' KV events, by outcome.", [.outcome])
      blocks = list.own(
        "kv_events_blocks_total", "Blocks in engines' KV events, by outcome in the prefix index.",
        [.outcome])
      clears = list.own("kv_events_clears_total", "Times that an engine said that its whole cache is empty.", [])
      replays = list.own("kv_events_replays_total", "Replays of KV events, by how they ended.", [.outcome])
      streams = list.own(
        "kv_events_streams", "Streams of KV events (one for each data-parallel rank), by state.", [.state])
      streamState = list.own(
        "kv_events_stream_state",
        "What is known of an engine's cache by its KV events: 0 nothing yet, 1 being replayed, 2 everything (live), "
          + "3 not everything (degraded).", [.endpointName, .rank])
      lost = list.own(
        "kv_events_lost_messages_total", "Messages of an engine that were lost, and that its replay did not bring.",
        [.endpointName, .rank])
      restarts = list.own(
        "kv_events_restarts_total", "Starts of an engine that were noticed while its KV events were followed.",
        [.endpointName, .rank])
    }
  }

  /// Families about the search for the token ids of prompts.
  struct TokenFamilies: Sendable {
    let requests: MetricFamily<Counter>
    let renderRefusals: MetricFamily<Counter>
    let mismatches: MetricFamily<Counter>
    let renderDuration: MetricFamily<Histogram>
    let inFlight: MetricFamily<Gauge>
    let waiting: MetricFamily<Gauge>
    let cacheEntries: MetricFamily<Gauge>
    let cacheBytes: MetricFamily<Gauge>
    let cacheEvictions: MetricFamily<Counter>

    init(_ list: inout MetricFamilyList) {
      requests = list.own(
        "tokens_requests_total", "Searches for the token ids of a prompt, by how they ended.", [.outcome])
      renderRefusals = list.own(
        "tokens_render_refusals_total",
        "Requests for token ids that an engine refused whatever their prompt, by the HTTP status of the answer.",
        [.code])
      mismatches = list.own(
        "tokens_mismatches_total", "Conversations that were rendered otherwise piece by piece than whole.", [])
      renderDuration = list.ownHistogram(
        "tokens_render_duration_seconds", "Time from the question to an engine to its token ids.", [],
        .requestProcessing)
      inFlight = list.own("tokens_renders_inflight", "Prompts that engines are being asked about.", [])
      waiting = list.own("tokens_requests_waiting", "Requests that wait for the token ids of their prompts.", [])
      cacheEntries = list.own("tokens_cache_entries", "Prompts whose token ids are kept.", [])
      cacheBytes = list.own("tokens_cache_bytes", "Bytes of the token ids that are kept.", [])
      cacheEvictions = list.own(
        "tokens_cache_evictions_total", "Prompts whose token ids were dropped for lack of room.", [])
    }
  }

  /// What is known of the resources that are watched at the Kubernetes API server.
  struct KubernetesFamilies: Sendable {
    let contactAge: MetricFamily<Gauge>
    let missing: MetricFamily<Gauge>
    let leader: MetricFamily<Gauge>

    init(_ list: inout MetricFamilyList) {
      contactAge = list.own(
        "kubernetes_contact_age_seconds",
        "Time since the Kubernetes API server last answered for a resource; +Inf before the first answer, NaN while nothing is asked.",
        [.resource])
      missing = list.own(
        "kubernetes_resource_missing",
        "1 while the Kubernetes API server does not serve a resource, or forbids to read it.", [.resource])
      leader = list.own(
        "leader", "1 while this process leads, 0 while it stands by. Absent without leader election.", [])
    }
  }

  /// Families about the pool as a whole.
  struct PoolFamilies: Sendable {
    let averageKVCacheUtilization: MetricFamily<Gauge>
    let averageQueueSize: MetricFamily<Gauge>
    let averageRunningRequests: MetricFamily<Gauge>
    let deviationKVCacheUtilization: MetricFamily<Gauge>
    let deviationQueueSize: MetricFamily<Gauge>
    let deviationRunningRequests: MetricFamily<Gauge>
    let readyEndpoints: MetricFamily<Gauge>

    init(_ list: inout MetricFamilyList) {
      averageKVCacheUtilization = list.gauge(
        "average_kv_cache_utilization", "Mean share of the KV cache in use over the pool's endpoints.", [.name])
      averageQueueSize = list.gauge(
        "average_queue_size", "Mean number of requests waiting in the engines of the pool.", [.name])
      averageRunningRequests = list.gauge(
        "average_running_requests", "Mean number of requests running in the engines of the pool.", [.name])
      deviationKVCacheUtilization = list.gauge(
        "std_dev_kv_cache_utilization", "Standard deviation of the KV cache use over the pool's endpoints.", [.name])
      deviationQueueSize = list.gauge(
        "std_dev_queue_size", "Standard deviation of the waiting requests over the pool's endpoints.", [.name])
      deviationRunningRequests = list.gauge(
        "std_dev_running_requests", "Standard deviation of the running requests over the pool's endpoints.", [.name])
      readyEndpoints = list.gauge(
        "ready_endpoints", "Endpoints of the pool whose metrics page was read within the staleness threshold.", [.name])
    }
  }

  init(seriesLimits limits: PickerMetrics.SeriesLimits) {
    var list = MetricFamilyList(limit: limits.seriesPerFamily)
    let request = [LabelName].request
    // One limit for all of these: their cells are made together, one bundle per combination of the request's labels.
    requests = list.counter("request_total", "Requests that were routed.", request, bundled: true)
    requestErrors = list.counter(
      "request_error_total", "Requests that ended with an error.", request + [.errorCode], bundled: true)
    requestDuration = list.histogram(
      "request_duration_seconds", "Time from a request's headers to the end of its answer.", request,
      .requestDuration, bundled: true)
    requestSize = list.histogram(
      "request_size_bytes", "Bytes of a request's body.", request, .requestBytes, bundled: true)
    responseSize = list.histogram(
      "response_size_bytes", "Bytes of an answer's body.", request, .responseBytes, bundled: true)
    inputTokens = list.histogram(
      "request_input_tokens", "Prompt tokens of a request.", request, .promptTokens, bundled: true)
    outputTokens = list.histogram(
      "request_output_tokens", "Tokens generated for a request.", request, .outputTokens, bundled: true)
    cachedTokens = list.histogram(
      "request_cached_tokens", "Prompt tokens that the engine took from its prefix cache.", request, .promptTokens,
      bundled: true)
    requestsRunning = list.gauge(
      "request_running", "Requests that were routed and have not ended.", request, bundled: true)
    normalizedTimePerOutputToken = list.histogram(
      "request_ntpot_seconds", "Time of a whole request divided by the tokens generated for it.", request,
      .normalizedTimePerOutputToken, bundled: true)
    timeToFirstToken = list.histogram(
      "request_ttft_seconds", "Time from a request's headers to the first token of its answer.",
      request + [.streaming], .timeToFirstToken, bundled: true)
    timeToResponseHeaders = list.ownHistogram(
      "request_response_headers_seconds", "Time from a request's headers to those of its answer.", request,
      .timeToFirstToken, bundled: true)
    timePerOutputToken = list.histogram(
      "request_streaming_tpot_seconds", "Mean time per token after the first one of a streamed answer.", request,
      .timePerOutputToken, bundled: true)
    interTokenLatency = list.histogram(
      "request_streaming_itl_seconds", "Time between two chunks of a streamed answer.", request, .interTokenLatency,
      bundled: true)

    modelRewrites = list.counter(
      "model_rewrite_decisions_total", "Requests whose model was replaced by a rule of an InferenceModelRewrite.",
      [.modelRewriteName, .modelName, .targetModel])
    pool = PoolFamilies(&list)
    queueSize = list.gauge(
      "per_endpoint_queue_size", "Requests waiting in the engine.", [.name, .modelServerEndpoint])

    schedulerDuration = list.histogram(
      "scheduler_e2e_duration_seconds", "Time to choose an endpoint for a request.", [], .scheduling)
    schedulerAttempts = list.counter(
      "scheduler_attempts_total", "Attempts to choose an endpoint, by outcome and endpoint.",
      [.status, .targetModelName, .endpointName, .namespace, .port])
    pluginDuration = list.histogram(
      "plugin_duration_seconds", "Time that a plugin took for one request.",
      [.extensionPoint, .pluginType, .pluginName], .scheduling)
    requestProcessing = list.histogram(
      "request_processing_duration_seconds", "Time spent in the picker on a request's way to its endpoint.", [],
      .requestProcessing)
    responseProcessing = list.histogram(
      "response_processing_duration_seconds", "Time spent in the picker on an answer's way to its client.", [],
      .responseProcessing)
    info = list.gauge("info", "The build that is running; always 1.", [.commit, .buildRef])

    pollErrors = list.counter(
      "datalayer_poll_errors_total", "Reads of an endpoint's data that failed.", [.sourceType])
    extractErrors = list.counter(
      "datalayer_extract_errors_total", "Data of an endpoint that was read and not understood.",
      [.sourceType, .extractorType])
    prefixIndexerSize = list.gauge("prefix_indexer_size", "Blocks in the prefix index.", .plugin)
    prefixIndexerHitRatio = list.histogram(
      "prefix_indexer_hit_ratio", "Share of a prompt found in the prefix index.", .plugin, .prefixHitRatio)
    prefixIndexerHitBytes = list.histogram(
      "prefix_indexer_hit_bytes", "Bytes of a prompt found in the prefix index.", .plugin, .prefixHitBytes)
    let flight: [LabelName] = [.endpointName, .namespace, .producerName, .fairnessID, .priority]
    inFlightRequests = list.gauge("inflight_requests", "Requests sent to the endpoint that have not ended.", flight)
    inFlightTokens = list.gauge(
      "inflight_tokens", "Uncached prompt tokens sent to the endpoint that have not been computed.", flight)
    streamsInFlight = list.gauge("extproc_streams_inflight", "Open ext_proc streams.", [])
    streamDuration = list.histogram(
      "extproc_stream_duration_seconds", "Time from the start to the end of an ext_proc stream.", [], .streamDuration)
    streams = list.counter("extproc_streams_total", "Ended ext_proc streams by gRPC status.", [.code])

    prefixCacheQueriedTokens = list.own(
      "prefix_cache_queried_tokens_total", "Prompt tokens of requests sent to the endpoint.", [.endpointName])
    prefixCacheHitTokens = list.own(
      "prefix_cache_hit_tokens_total",
      "Prompt tokens in the endpoint's prefix cache: as predicted when it was picked, or as its answer reported.",
      [.endpointName, .source])
    prefixPredictionError = list.ownHistogram(
      "prefix_prediction_error_tokens",
      "Difference between the cached tokens that an engine reported and those that its own events had announced.",
      [.endpointName], .predictionError)
    prefixResyncs = list.own(
      "prefix_resyncs_total",
      "Times that what is known of an endpoint's cache was learned anew, because the engine reported otherwise twice "
        + "in a row.", [.endpointName])
    prefixExactTokens = list.own(
      "prefix_exact_tokens_total",
      "Prompt tokens of requests sent to the endpoint whose prediction rests on the engine's own KV events.",
      [.endpointName])
    prefixAnnouncedTokens = list.own(
      "prefix_announced_tokens_total",
      "Prompt tokens of requests sent to the endpoint that its engine's own KV events had announced to be in its cache.",
      [.endpointName])
    prefixCounterError = list.own(
      "prefix_engine_error_ratio",
      "Difference between the tokens that were predicted to be cached and those that the engine's own counters say were, as "
        + "a share of all, in the last window of half a minute or more.", [.endpointName])
    prefixUnmatchedWindows = list.own(
      "prefix_unmatched_windows_total",
      "Windows in which the engine found much in its cache, and nothing that its KV events had announced matched.",
      [.endpointName])
    prefixIndexBlocks = list.own("prefix_index_blocks", "Different blocks that some endpoint is known to hold.", [])
    prefixIndexBytes = list.own("prefix_index_bytes", "Bytes of the prefix index.", [])
    prefixIndexLimit = list.own("prefix_index_limit_bytes", "The most bytes that the prefix index may take.", [])
    prefixIndexRefusals = list.own(
      "prefix_index_refusals_total", "Entries that the prefix index had no memory or no time for.", [])
    kvEvents = KVEventFamilies(&list)
    tokens = TokenFamilies(&list)
    kubernetes = KubernetesFamilies(&list)
    scheduling = SchedulingFamilies(&list)
    cache = CacheFamilies(&list)
    sessionAffinity = list.own(
      "session_affinity_total",
      "Requests with a session by the endpoint that was picked: the session's first, kept, or moved from another.",
      [.endpointName, .outcome])
    sessions = list.own("sessions", "Sessions that are bound to the endpoint.", [.endpointName])
    sessionTokensIgnored = list.own(
      "session_tokens_ignored_total", "Session tokens of requests that count for nothing.", [.reason])
    sessionAddressShare = list.own(
      "session_largest_address_share",
      "Share of the last minute's requests that came from one client address, where an address is a session; below 0.5 it may "
        + "be less than the largest.", [])
    rejections = list.own("rejections_total", "Requests that were answered instead of routed.", [.reason])
    bufferedBodyBytes = list.own("buffered_body_bytes", "Bytes of request bodies held in memory.", [])
    writesGathered = list.own(
      "grpc_writes_gathered", "1 while what is sent to one gateway connection at a time leaves in one packet.", [])
    writeHold = list.ownHistogram(
      "grpc_write_hold_seconds", "Time that the first of several answers waited for the others of its packet.", [],
      .writeHold)
    unsentWaits = list.own(
      "grpc_unsent_waits_total", "Times that a worker waited for events before it had sent all answers: has to be 0.",
      [])
    activeWorkers = list.own("grpc_workers_active", "Worker threads that take new streams; --workers is the most.", [])
    endpointStale = list.own(
      "endpoint_stale", "1 while the endpoint's metrics page is older than the staleness threshold.", [.endpointName])
    endpointRefusing = list.own(
      "endpoint_refusing",
      "1 while the endpoint refuses connections, or a sidecar answers that its engine does; it is passed over for others.",
      [.endpointName])
    endpointMissingFamilies = list.own(
      "endpoint_missing_families",
      "Numbers of the endpoint's load that its metrics page does not have: waiting and running requests, KV cache usage.",
      [.endpointName])
    endpointScrapeAge = list.own(
      "endpoint_scrape_age_seconds", "Age of the endpoint's last good metrics page; +Inf before the first.",
      [.endpointName])
    seriesDropped = list.seriesDropped
    all = list.families.sorted { $0.descriptor.name < $1.descriptor.name }
  }
}
