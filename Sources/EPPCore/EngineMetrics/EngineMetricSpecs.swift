/// The metrics of one kind of engine that say its load and its cache. A metric that is nil is not read.
package struct EngineMetricSpecs: Hashable, Sendable {
  /// The name of the kind, as endpoints' labels have it.
  package var name: String
  /// Requests in the waiting queue.
  package var waitingRequests: MetricSpec?
  /// Requests in the running batch.
  package var runningRequests: MetricSpec?
  /// Share of the KV cache in use, 0...1.
  package var kvCacheUsage: MetricSpec?
  /// A metric with the labels `max_lora`, `running_lora_adapters` and `waiting_lora_adapters`, whose value is the time at which
  /// it was written.
  package var loRA: MetricSpec?
  /// A metric whose labels have the size and the number of the cache's blocks.
  package var cacheInfo: MetricSpec?
  /// The label of `cacheInfo` with the tokens of a block.
  package var cacheBlockTokensLabel = "block_size"
  /// The label of `cacheInfo` with the number of blocks.
  package var cacheBlocksLabel = "num_gpu_blocks"
  /// Tokens of a block of the KV cache.
  package var cacheBlockTokens: MetricSpec?
  /// Blocks of the KV cache.
  package var cacheBlocks: MetricSpec?
  /// Metrics that become attributes of the endpoint.
  package var attributes: [Attribute] = []

  /// A metric that becomes an attribute of the endpoint.
  package struct Attribute: Hashable, Sendable {
    /// The key in `EndpointAttributes`.
    package var key: String
    package var spec: MetricSpec

    package init(key: String, spec: MetricSpec) {
      self.key = key
      self.spec = spec
    }
  }

  /// A kind of which no metric is read yet.
  package init(name: String) { self.name = name }

  /// The kind that llm-d assumes where nothing says another.
  package static let defaultName = "vllm"

  /// The kinds that are known without configuration. Names are those of llm-d's table (its source, 2026-09); no name is used
  /// by two kinds.
  package static let builtIn: [EngineMetricSpecs] = [vLLM, sgLang, atom, trtLLM, tritonTRTLLM, triton]

  private static let vLLM: EngineMetricSpecs = {
    var specs = EngineMetricSpecs(name: defaultName)
    specs.waitingRequests = MetricSpec("vllm:num_requests_waiting")
    specs.runningRequests = MetricSpec("vllm:num_requests_running")
    specs.kvCacheUsage = MetricSpec("vllm:kv_cache_usage_perc")
    specs.loRA = MetricSpec("vllm:lora_requests_info")
    specs.cacheInfo = MetricSpec("vllm:cache_config_info")
    return specs
  }()

  private static let sgLang: EngineMetricSpecs = {
    var specs = EngineMetricSpecs(name: "sglang")
    specs.waitingRequests = MetricSpec("sglang:num_queue_reqs")
    specs.runningRequests = MetricSpec("sglang:num_running_reqs")
    specs.kvCacheUsage = MetricSpec("sglang:token_usage")
    specs.cacheInfo = MetricSpec("sglang:cache_config_info")
    specs.cacheBlockTokensLabel = "page_size"
    specs.cacheBlocksLabel = "num_pages"
    // Newer releases, in place of the labels.
    specs.cacheBlockTokens = MetricSpec("sglang:page_size")
    specs.cacheBlocks = MetricSpec("sglang:num_pages")
    return specs
  }()

  private static let atom: EngineMetricSpecs = {
    var specs = EngineMetricSpecs(name: "atom")
    specs.waitingRequests = MetricSpec("atom:requests_waiting")
    specs.runningRequests = MetricSpec("atom:requests_running")
    specs.kvCacheUsage = MetricSpec("atom:kv_cache_usage_ratio")
    specs.cacheInfo = MetricSpec("atom:cache_config_info")
    return specs
  }()

  private static let trtLLM: EngineMetricSpecs = {
    var specs = EngineMetricSpecs(name: "trtllm-serve")
    specs.waitingRequests = MetricSpec("trtllm_num_requests_waiting")
    specs.runningRequests = MetricSpec("trtllm_num_requests_running")
    specs.kvCacheUsage = MetricSpec("trtllm_kv_cache_utilization")
    specs.cacheBlockTokens = MetricSpec("trtllm_kv_cache_tokens_per_block")
    specs.cacheBlocks = MetricSpec("trtllm_kv_cache_max_blocks")
    return specs
  }()

  private static let tritonTRTLLM: EngineMetricSpecs = {
    func requests(_ type: String) -> MetricSpec {
      MetricSpec("nv_trt_llm_request_metrics", [MetricSpec.Label("request_type", type)])
    }
    func blocks(_ type: String) -> MetricSpec {
      MetricSpec("nv_trt_llm_kv_cache_block_metrics", [MetricSpec.Label("kv_cache_block_type", type)])
    }
    var specs = EngineMetricSpecs(name: "triton-tensorrt-llm")
    specs.waitingRequests = requests("waiting")
    specs.runningRequests = requests("scheduled")
    specs.kvCacheUsage = blocks("fraction")
    specs.cacheBlockTokens = blocks("tokens_per")
    specs.cacheBlocks = blocks("max")
    return specs
  }()

  /// llm-d reads the running requests from `nv_inference_exec_count`, which counts all executions since the start and never
  /// falls; it is not read here, so that a server is not avoided because it has run for long.
  private static let triton: EngineMetricSpecs = {
    var specs = EngineMetricSpecs(name: "triton")
    specs.waitingRequests = MetricSpec("nv_inference_pending_request_count")
    return specs
  }()
}
