/// Makes a `/metrics` page like a vLLM engine's: its families with help texts, histograms with buckets, and histograms of the
/// HTTP server to fill the page.
struct MetricsPage {
  private var text = ""
  private let labels: String
  private let limit: Int

  /// Returns a page of about `bytes` bytes.
  ///
  /// - Parameter variant: Changes the values, as on a working engine.
  static func make(bytes: Int, model: String, variant: Int) -> String {
    var page = MetricsPage(labels: #"engine="0",model_name="\#(model)""#, limit: bytes)
    page.addEngineState(variant)
    page.addHistograms(variant)
    page.addHTTPHistograms(variant)
    return page.text
  }

  private init(labels: String, limit: Int) {
    self.labels = labels
    self.limit = limit
    text.reserveCapacity(limit + 4096)
  }

  private mutating func addEngineState(_ variant: Int) {
    addHeader("vllm:num_requests_running", "gauge", "Number of requests in model execution batches.")
    add("vllm:num_requests_running", labels, "\(4 + variant % 8).0")
    addHeader("vllm:num_requests_waiting", "gauge", "Number of requests waiting to be processed.")
    add("vllm:num_requests_waiting", labels, "\(variant % 5).0")
    addHeader("vllm:kv_cache_usage_perc", "gauge", "KV-cache usage. 1 means 100 percent usage.")
    add("vllm:kv_cache_usage_perc", labels, "0.36070381\(variant % 10)")
    addHeader("vllm:cache_config_info", "gauge", "Information of the LLMEngine CacheConfig")
    add(
      "vllm:cache_config_info",
      #"block_size="16",cache_dtype="auto",enable_prefix_caching="True",engine="0",gpu_memory_utilization="0.9","#
        + #"num_cpu_blocks="None",num_gpu_blocks="8192",sliding_window="None",swap_space="4""#, "1.0")
    addHeader("vllm:lora_requests_info", "gauge", "Running stats on lora requests.")
    add(
      "vllm:lora_requests_info",
      #"max_lora="4",running_lora_adapters="",waiting_lora_adapters="""#, "1.795347119e+09")
    for (name, help, value) in Self.counters {
      addHeader("vllm:\(name)_total", "counter", help)
      add("vllm:\(name)_total", labels, "\(value + variant * 17).0")
      addHeader("vllm:\(name)_created", "gauge", help)
      add("vllm:\(name)_created", labels, "1.7953471194376452e+09")
    }
    addHeader("vllm:request_success_total", "counter", "Count of successfully processed requests.")
    for reason in ["stop", "length", "abort", "error"] {
      add("vllm:request_success_total", #"engine="0",finished_reason="\#(reason)","# + labels.dropFirst(11), "225.0")
    }
  }

  private mutating func addHistograms(_ variant: Int) {
    for name in Self.tokenHistograms {
      addHistogram("vllm:\(name)", "Histogram of \(name) in number of tokens.", labels, Self.tokenBounds, variant)
    }
    for name in Self.timeHistograms {
      addHistogram("vllm:\(name)", "Histogram of \(name) in seconds.", labels, Self.timeBounds, variant)
    }
  }

  private mutating func addHTTPHistograms(_ variant: Int) {
    var number = 0
    while text.utf8.count < limit {
      addHistogram(
        "http_request_duration_seconds", "Latency with only few buckets by handler.",
        #"handler="/v1/route/\#(number)",method="POST""#, Self.timeBounds, variant)
      number += 1
    }
  }

  private mutating func addHistogram(
    _ name: String, _ help: String, _ labels: some StringProtocol, _ bounds: [String], _ variant: Int
  ) {
    guard text.utf8.count < limit else { return }
    addHeader(name, "histogram", help)
    var count = 0
    for (index, bound) in bounds.enumerated() {
      count += (index * 7 + variant) % 13
      add(name + "_bucket", #"\#(labels),le="\#(bound)""#, "\(count).0")
      guard text.utf8.count < limit else { return }
    }
    add(name + "_bucket", #"\#(labels),le="+Inf""#, "\(count).0")
    add(name + "_count", labels, "\(count).0")
    add(name + "_sum", labels, "\(count * 180).25")
  }

  private mutating func addHeader(_ name: String, _ type: String, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }

  private mutating func add(_ name: String, _ labels: some StringProtocol, _ value: String) {
    text += "\(name){\(labels)} \(value)\n"
  }

  private static let counters = [
    ("prefix_cache_queries", "Prefix cache queries, in terms of number of queried tokens.", 52_428),
    ("prefix_cache_hits", "Prefix cache hits, in terms of number of cached tokens.", 13_344),
    ("num_preemptions", "Cumulative number of preemption from the engine.", 0),
    ("prompt_tokens", "Number of prefill tokens processed.", 50_928),
    ("generation_tokens", "Number of generation tokens processed.", 1691),
    ("external_prefix_cache_queries", "External prefix cache queries from KV connector.", 0),
    ("external_prefix_cache_hits", "External prefix cache hits from KV connector.", 0),
    ("mm_cache_queries", "Multi-modal cache queries, in terms of number of queried items.", 0),
    ("mm_cache_hits", "Multi-modal cache hits, in terms of number of cached items.", 0),
  ]
  private static let tokenHistograms = [
    "request_prompt_tokens", "request_generation_tokens", "iteration_tokens_total",
    "request_max_num_generation_tokens", "request_params_n", "request_params_max_tokens",
    "request_prefill_kv_computed_tokens",
  ]
  private static let timeHistograms = [
    "time_to_first_token_seconds", "inter_token_latency_seconds", "request_time_per_output_token_seconds",
    "e2e_request_latency_seconds", "request_queue_time_seconds", "request_inference_time_seconds",
    "request_prefill_time_seconds", "request_decode_time_seconds",
  ]
  private static let tokenBounds = [
    "1.0", "2.0", "5.0", "10.0", "20.0", "50.0", "100.0", "200.0", "500.0", "1000.0", "2000.0", "5000.0", "10000.0",
    "20000.0", "50000.0", "100000.0",
  ]
  private static let timeBounds = [
    "0.001", "0.005", "0.01", "0.02", "0.04", "0.06", "0.08", "0.1", "0.25", "0.5", "0.75", "1.0", "2.5", "5.0", "7.5",
    "10.0", "20.0", "40.0", "80.0", "160.0", "640.0",
  ]
}
