/// One family of an engine's metrics page.
struct MetricFamily: Sendable {
  /// The type of a family.
  enum Kind: String, Sendable {
    case counter
    case gauge
    case histogram
  }

  /// A series of a family.
  struct Series: Sendable {
    /// Labels such as `source="device"`, without those of the engine.
    var labels: [String] = []
    /// Whether the labels `engine` and `model_name` are added.
    var hasEngineLabels = true
    /// Reads the value.
    var value: MetricsPage.Value
  }

  /// The family's name.
  var name: String
  /// The text of the line `# HELP`.
  var help: String
  /// The family's type.
  var kind: Kind
  /// The series in the order of the page.
  var series: [Series]

  /// Makes a gauge with one series.
  static func gauge(_ name: String, _ help: String, _ read: @escaping @Sendable (SimulatedEngine) -> Double)
    -> MetricFamily
  {
    MetricFamily(name: name, help: help, kind: .gauge, series: [Series(value: .number(read))])
  }

  /// Makes a counter with one series.
  static func counter(_ name: String, _ help: String, _ read: @escaping @Sendable (SimulatedEngine) -> Int)
    -> MetricFamily
  {
    counter(name, help, label: "", ["": read])
  }

  /// Makes a counter with a series for each value of a label.
  static func counter(
    _ name: String, _ help: String, label: String, _ series: KeyValuePairs<String, @Sendable (SimulatedEngine) -> Int>
  ) -> MetricFamily {
    MetricFamily(
      name: name, help: help, kind: .counter,
      series: series.map { value, read in
        Series(labels: label.isEmpty ? [] : ["\(label)=\"\(value)\""], value: .number { Double(read($0)) })
      })
  }

  /// Makes a histogram with one series.
  static func histogram(
    _ name: String, _ help: String, _ read: @escaping @Sendable (EngineStatistics) -> Histogram
  ) -> MetricFamily {
    MetricFamily(
      name: name, help: help, kind: .histogram, series: [Series(value: .histogram(read))])
  }

  /// Returns all families of the page, in the order of vLLM 0.32. Families of features that are not simulated are 0, as on an
  /// engine that does not use them.
  static func all(options: EngineOptions) -> [MetricFamily] {
    load + caches + tokens + requests(options) + times
      + (options.maximumAdapters > 0 ? [adapters] : []) + [cacheConfiguration(options)]
  }

  private static let load: [MetricFamily] = [
    .counter("vllm:estimated_flops_per_gpu_total", "Floating point operations per GPU; not estimated here.") { _ in 0 },
    .counter("vllm:estimated_read_bytes_per_gpu_total", "Bytes read per GPU; not estimated here.") { _ in 0 },
    .counter("vllm:estimated_write_bytes_per_gpu_total", "Bytes written per GPU; not estimated here.") { _ in 0 },
    .gauge("vllm:num_requests_running", "Requests in the running batch.") { Double($0.runningRequests) },
    .gauge("vllm:num_requests_waiting", "Requests that wait for admission.") { Double($0.waitingRequests) },
    MetricFamily(
      name: "vllm:num_requests_waiting_by_reason", help: "Waiting requests by what they wait for.", kind: .gauge,
      series: [
        Series(
          labels: ["reason=\"capacity\""],
          value: .number { Double($0.waitingRequests - $0.deferredRequests) }),
        Series(labels: ["reason=\"deferred\""], value: .number { Double($0.deferredRequests) }),
      ]),
    MetricFamily(
      name: "vllm:engine_sleep_state", help: "Whether the engine is awake; a simulated one always is.", kind: .gauge,
      series: [("awake", 1.0), ("weights_offloaded", 0), ("discard_all", 0)].map { state, value in
        Series(labels: ["sleep_state=\"\(state)\""], value: .number { _ in value })
      }),
  ]

  private static let caches: [MetricFamily] = [
    .gauge("vllm:kv_cache_usage_perc", "Share of KV cache blocks in use, 0 to 1.") { $0.pool.usage },
    .counter("vllm:prefix_cache_queries_total", "Tokens looked up in the prefix cache.") {
      $0.statistics.prefixCacheQueries
    },
    .counter("vllm:prefix_cache_hits_total", "Tokens found in the prefix cache.") { $0.statistics.prefixCacheHits },
    .counter("vllm:external_prefix_cache_queries_total", "Tokens looked up in caches of other engines.") {
      $0.statistics.externalCacheQueries
    },
    .counter("vllm:external_prefix_cache_hits_total", "Tokens found in caches of other engines.") {
      $0.statistics.externalCacheHits
    },
    .counter("vllm:mm_cache_queries_total", "Items looked up in the multi-modal cache.") { _ in 0 },
    .counter("vllm:mm_cache_hits_total", "Items found in the multi-modal cache.") { _ in 0 },
    .counter("vllm:num_preemptions_total", "Running requests that had to give up their blocks.") {
      $0.statistics.preemptions
    },
  ]

  private static let tokens: [MetricFamily] = [
    .counter("vllm:prompt_tokens_total", "Prompt tokens of requests that have a first token.") {
      $0.statistics.promptTokens
    },
    .counter(
      "vllm:prompt_tokens_by_source_total", "Prompt tokens by where they came from.", label: "source",
      [
        "local_compute": { $0.statistics.promptTokens - $0.statistics.cachedPromptTokens },
        "local_cache_hit": { $0.statistics.cachedPromptTokens - $0.statistics.externalPromptTokens },
        "external_kv_transfer": { $0.statistics.externalPromptTokens },
      ]),
    .counter("vllm:prompt_tokens_cached_total", "Prompt tokens that were not computed.") {
      $0.statistics.cachedPromptTokens
    },
    .counter(
      "vllm:prompt_tokens_cached_by_source_total", "Prompt tokens that were not computed, by cache tier.",
      label: "source",
      [
        "device": { $0.statistics.prefixCacheHits }, "host": { _ in 0 }, "p2p": { _ in 0 }, "disk": { _ in 0 },
        "external_unspecified": { $0.statistics.externalCacheHits },
      ]),
    .counter("vllm:generation_tokens_total", "Tokens of answers.") { $0.statistics.generationTokens },
  ]

  private static func requests(_ options: EngineOptions) -> [MetricFamily] {
    let name = MetricsPage.escaped(options.modelName)
    return [
      .counter(
        "vllm:request_success_total", "Requests that have ended, by reason.", label: "finished_reason",
        [
          "stop": { $0.statistics.finishedByStop }, "length": { $0.statistics.finishedByLength },
          "abort": { $0.statistics.finishedByAbort }, "error": { $0.statistics.finishedByError },
          "repetition": { _ in 0 },
        ]),
      MetricFamily(
        name: "vllm:admission_rejections_total", help: "Requests turned away for a full queue; never here.",
        kind: .counter,
        series: ["max_num_queued_reqs", "max_num_queued_tokens"].map { reason in
          Series(
            labels: ["model_name=\"\(name)\"", "reason=\"\(reason)\""], hasEngineLabels: false,
            value: .number { _ in 0 })
        }),
      .histogram("vllm:request_prompt_tokens", "Prompt tokens of a request.") { $0.promptTokensPerRequest },
      .histogram("vllm:request_generation_tokens", "Tokens of an answer.") { $0.generationTokensPerRequest },
      .histogram("vllm:iteration_tokens_total", "Tokens computed in a step.") { $0.tokensPerStep },
      .histogram("vllm:request_max_num_generation_tokens", "Tokens that an answer could have.") {
        $0.maximumTokensPerRequest
      },
      .histogram("vllm:request_params_n", "Answers to a prompt; each is counted as a request.") {
        $0.answersPerRequest
      },
      .histogram("vllm:request_params_max_tokens", "The max_tokens of a request.") { $0.maximumTokensPerRequest },
    ]
  }

  private static let times: [MetricFamily] = [
    .histogram("vllm:time_to_first_token_seconds", "From arrival to the first token.") { $0.timeToFirstToken },
    .histogram("vllm:inter_token_latency_seconds", "From one token to the next.") { $0.interTokenLatency },
    .histogram("vllm:request_time_per_output_token_seconds", "Mean time of a token after the first, per request.") {
      $0.timePerOutputToken
    },
    .histogram("vllm:e2e_request_latency_seconds", "From arrival to the last token.") { $0.endToEndLatency },
    .histogram("vllm:request_queue_time_seconds", "From arrival to admission.") { $0.queueTime },
    .histogram("vllm:request_inference_time_seconds", "From admission to the last token.") { $0.inferenceTime },
    .histogram("vllm:request_prefill_time_seconds", "From admission to the first token.") { $0.prefillTime },
    .histogram("vllm:request_decode_time_seconds", "From the first token to the last.") { $0.decodeTime },
    .histogram("vllm:request_num_preemptions", "How often a request had to give up its blocks.") {
      $0.preemptionsPerRequest
    },
    .histogram("vllm:request_prefill_kv_computed_tokens", "Prompt tokens computed for a request.") {
      $0.computedTokensPerRequest
    },
  ]

  private static func cacheConfiguration(_ options: EngineOptions) -> MetricFamily {
    let labels = [
      ("block_size", "\(options.blockTokens)"), ("cache_dtype", "auto"), ("enable_prefix_caching", "True"),
      ("engine", "0"), ("gpu_memory_utilization", "0.9"),
      ("kv_cache_size_tokens", "\(options.cacheBlocks * options.blockTokens)"),
      ("num_cpu_blocks", "None"), ("num_gpu_blocks", "\(options.cacheBlocks)"),
      ("num_gpu_blocks_override", "\(options.cacheBlocks)"), ("sliding_window", "None"),
    ]
    return MetricFamily(
      name: "vllm:cache_config_info", help: "How the KV cache is set up.", kind: .gauge,
      series: [
        Series(
          labels: labels.map { "\($0)=\"\($1)\"" }, hasEngineLabels: false,
          value: .number { _ in 1 })
      ])
  }

  private static let adapters = MetricFamily(
    name: "vllm:lora_requests_info",
    help: "Adapters that run and wait; the series with the greatest value is the present.",
    kind: .gauge, series: [Series(hasEngineLabels: false, value: .adapters)])
}
