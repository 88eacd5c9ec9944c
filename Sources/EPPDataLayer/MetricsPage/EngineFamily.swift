/// The metric families that are read from an engine's page; all other families are skipped.
///
/// vLLM's names are those of pages of version 0.32.0; its older names and SGLang's come from llm-d's tables.
enum EngineFamily: Int, CaseIterable {
  case waitingRequests
  case runningRequests
  case kvCacheUsage
  /// The name of `kvCacheUsage` before vLLM V1; read only where `kvCacheUsage` is absent.
  case kvCacheUsageOld
  case loRAInfo
  case cacheConfigInfo
  case queriedTokens
  case queriedTokensOld
  case hitTokens
  case hitTokensOld
  /// Start time of the engine's process. Other programs export this family too, so it does not identify an engine's page.
  case processStartTime

  /// The family of each sample name.
  static let names: [(String, EngineFamily)] = [
    ("vllm:num_requests_waiting", .waitingRequests),
    ("vllm:num_requests_running", .runningRequests),
    ("vllm:kv_cache_usage_perc", .kvCacheUsage),
    ("vllm:gpu_cache_usage_perc", .kvCacheUsageOld),
    ("vllm:lora_requests_info", .loRAInfo),
    ("vllm:cache_config_info", .cacheConfigInfo),
    ("vllm:prefix_cache_queries_total", .queriedTokens),
    ("vllm:prefix_cache_queries", .queriedTokens),
    ("vllm:gpu_prefix_cache_queries_total", .queriedTokensOld),
    ("vllm:gpu_prefix_cache_queries", .queriedTokensOld),
    ("vllm:prefix_cache_hits_total", .hitTokens),
    ("vllm:prefix_cache_hits", .hitTokens),
    ("vllm:gpu_prefix_cache_hits_total", .hitTokensOld),
    ("vllm:gpu_prefix_cache_hits", .hitTokensOld),
    ("process_start_time_seconds", .processStartTime),
    ("sglang:num_queue_reqs", .waitingRequests),
    ("sglang:num_running_reqs", .runningRequests),
    ("sglang:token_usage", .kvCacheUsage),
    ("sglang:cache_config_info", .cacheConfigInfo),
  ]

  /// Labels of `cacheConfigInfo` that hold the tokens of a block: vLLM's, SGLang's.
  static let blockTokensLabels = ["block_size", "page_size"]
  /// Labels of `cacheConfigInfo` that hold the number of blocks: vLLM's, SGLang's.
  static let blocksLabels = ["num_gpu_blocks", "num_pages"]
}
