import EPPCore
import EPPDataLayer
import EPPTestKit
import Testing

/// Pages of engines other than vLLM, and of configured kinds.
@Suite struct EnginePageLayoutTests {
  private func scan(_ text: String, _ layout: EnginePageLayout = .standard, cutAt cuts: [Int] = []) -> EnginePage? {
    var scanner = MetricsPageScanner(layout)
    let bytes = Array(text.utf8)
    var start = 0
    for cut in cuts + [bytes.count] {
      unsafe scanner.scan(bytes[start..<cut].span.bytes)
      start = cut
    }
    return scanner.finish()
  }

  private func spec(_ text: String) throws -> MetricSpec? { try MetricSpec.parse(text) }

  private struct Expected: Sendable {
    var page: String
    var waiting: Int?
    var running: Int?
    var usage: Double?
    var blockTokens: Int?
    var blocks: Int?
  }

  private static let pages = [
    Expected(
      page: """
        trtllm_num_requests_waiting{model="m"} 3
        trtllm_num_requests_running{model="m"} 5
        trtllm_num_requests_completed_total{model="m"} 900
        trtllm_kv_cache_utilization 0.25
        trtllm_kv_cache_tokens_per_block 64
        trtllm_kv_cache_max_blocks 1000
        """, waiting: 3, running: 5, usage: 0.25, blockTokens: 64, blocks: 1000),
    Expected(
      page: """
        # TYPE nv_trt_llm_request_metrics gauge
        nv_inference_pending_request_count{model="e",version="1"} 77
        nv_trt_llm_request_metrics{model="e",request_type="waiting",version="1"} 2
        nv_trt_llm_request_metrics{model="e",request_type="context",version="1"} 50
        nv_trt_llm_request_metrics{model="e",request_type="scheduled",version="1"} 4
        nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="fraction",model="e"} 0.5
        nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="tokens_per",model="e"} 32
        nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="used",model="e"} 3000
        nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="max",model="e"} 6000
        """, waiting: 2, running: 4, usage: 0.5, blockTokens: 32, blocks: 6000),
    // The executions since the start are no running requests.
    Expected(
      page: """
        nv_inference_pending_request_count{model="a",version="1"} 3
        nv_inference_pending_request_count{model="b",version="1"} 4
        nv_inference_exec_count{model="a",version="1"} 123456
        """, waiting: 7),
    Expected(
      page: """
        sglang:num_queue_reqs{model_name="m"} 1
        sglang:num_running_reqs{model_name="m"} 2
        sglang:token_usage{model_name="m"} 0.75
        sglang:page_size{model_name="m",tp_rank="0"} 64
        sglang:num_pages{model_name="m",tp_rank="0"} 500
        sglang:num_pages{model_name="m",tp_rank="1"} 500
        """, waiting: 1, running: 2, usage: 0.75, blockTokens: 64, blocks: 500),
    Expected(
      page: """
        atom:requests_waiting 1
        atom:requests_running 2
        atom:kv_cache_usage_ratio 0.125
        atom:cache_config_info{block_size="16",num_gpu_blocks="900"} 1
        """, waiting: 1, running: 2, usage: 0.125, blockTokens: 16, blocks: 900),
  ]

  @Test(arguments: pages.indices)
  func everyBuiltInKindIsRecognisedByItsNames(_ index: Int) throws {
    let expected = Self.pages[index]
    let page = try #require(scan(expected.page + "\n"))
    #expect(page.waitingRequests == expected.waiting && page.runningRequests == expected.running)
    #expect(page.kvCacheUsage == expected.usage)
    #expect(page.cacheBlockTokens == expected.blockTokens && page.cacheBlocks == expected.blocks)
    #expect(page.attributes.isEmpty && page.unread.isEmpty)
  }

  /// A kind whose page has all that can be configured.
  private func custom() throws -> EnginePageLayout {
    var specs = EngineMetricSpecs(name: "mine")
    specs.waitingRequests = try spec("requests{state=waiting,tier=\"a\\\"b\"}")
    specs.runningRequests = try spec("requests{state=running}")
    specs.cacheInfo = try spec("cache")
    specs.cacheBlockTokensLabel = "size"
    specs.cacheBlocksLabel = "count"
    specs.loRA = try spec("adapters")
    specs.attributes = [
      EngineMetricSpecs.Attribute(key: "depth", spec: try #require(try spec("depth{tier=gold}"))),
      EngineMetricSpecs.Attribute(key: "heat", spec: try #require(try spec("heat"))),
      EngineMetricSpecs.Attribute(key: "none", spec: try #require(try spec("cold"))),
      EngineMetricSpecs.Attribute(key: "all", spec: try #require(try spec("requests"))),
    ]
    return EnginePageLayout(specs)
  }

  private static let customPage = """
    # HELP requests of this page
    requests{state="waiting",tier="a\\"b",model="x"} 3
    requests{tier="a\\"b",state="waiting",model="y"} 4
    requests{state="waiting",tier="c"} 100
    requests{state="waiting"} 100
    requests{state="running"} 6
    requests_total{state="running"} 600
    cache{size="8",count="40",block_size="1",num_gpu_blocks="2"} 1
    adapters{max_lora="2",running_lora_adapters="a,b",waiting_lora_adapters="c"} 5
    depth{tier="silver"} 1
    depth{tier="gold"} -2.5
    depth{tier="gold",x="y"} 9
    heat 1 1000
    heat{a="b"} 2 3000
    heat{a="c"} 3 2000
    cold NaN
    vllm:num_requests_waiting 55
    vllm:prefix_cache_queries_total 70
    process_start_time_seconds 12

    """

  @Test func aConfiguredKindIsReadAsItSays() throws {
    let page = try #require(scan(Self.customPage, try custom()))
    // Series of several models are summed, as those of the built-in kinds.
    #expect(page.waitingRequests == 7 && page.runningRequests == 6)
    #expect(page.kvCacheUsage == nil && page.unread == .kvCacheUsage)
    #expect(page.cacheBlockTokens == 8 && page.cacheBlocks == 40)
    #expect(page.loRA == LoRAState(maximum: 2, running: ["a", "b"], waiting: ["c"]))
    #expect(page.prefixCacheQueriedTokens == 70 && page.processStartTime == 12)
    // Of the series of an attribute the newest counts, else the first.
    #expect(page.attributes["depth"] == -2.5 && page.attributes["heat"] == 2 && page.attributes["all"] == 3)
    #expect(page.attributes["none"] == nil)
  }

  @Test func chunksOfAConfiguredPageMayEndAnywhere() throws {
    let layout = try custom()
    let whole = try #require(scan(Self.customPage, layout))
    for cut in 0...Self.customPage.utf8.count {
      #expect(scan(Self.customPage, layout, cutAt: [cut]) == whole)
    }
  }

  @Test func aScannerKeepsNothingOfThePageBefore() throws {
    var scanner = MetricsPageScanner(try custom())
    unsafe scanner.scan(Array(Self.customPage.utf8).span.bytes)
    #expect(scanner.finish()?.attributes["depth"] == -2.5)
    unsafe scanner.scan(Array("heat 7\n".utf8).span.bytes)
    var expected = EndpointAttributes()
    expected["heat"] = 7
    #expect(scanner.finish()?.attributes == expected)
    unsafe scanner.scan(Array("other 7\n".utf8).span.bytes)
    #expect(scanner.finish() == nil)
  }

  /// The flags of older releases name the old metric of vLLM's cache, which newer engines do not have.
  @Test func bothNamesOfTheUsedCacheAreRead() throws {
    for asked in ["vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc"] {
      var specs = EngineMetricSpecs(name: "vllm")
      specs.kvCacheUsage = MetricSpec(asked)
      let layout = EnginePageLayout(specs)
      #expect(scan("vllm:gpu_cache_usage_perc 0.5\n", layout)?.kvCacheUsage == 0.5)
      #expect(scan("vllm:gpu_cache_usage_perc 0.5\nvllm:kv_cache_usage_perc 0.25\n", layout)?.kvCacheUsage == 0.25)
    }
  }

  @Test func attributesStayUntilTheyAreReadAgain() throws {
    var page = EnginePage()
    page.attributes["a"] = 1
    page.attributes["b"] = 2
    var metrics = page.updating(EndpointMetrics(), scrapedAt: .milliseconds(1), dispatched: .init())
    page.attributes = EndpointAttributes()
    page.attributes["b"] = 3
    metrics = page.updating(metrics, scrapedAt: .milliseconds(2), dispatched: .init())
    #expect(metrics.attributes["a"] == 1 && metrics.attributes["b"] == 3)
  }

  @Test(arguments: 0..<4)
  func mutatedPagesOfAConfiguredKindNeverTrap(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let layout = try custom()
    let interesting = Array("{}\"\\,=\n 0159.eE+-NI#".utf8)
    for _ in 0..<200 {
      var page = Array(Self.customPage.utf8)
      for _ in 0..<Int.random(in: 1...60, using: &generator) {
        let at = Int.random(in: 0..<page.count, using: &generator)
        page[at] = interesting[Int.random(in: 0..<interesting.count, using: &generator)]
      }
      let text = String(decoding: page, as: UTF8.self)
      let cut = Int.random(in: 0...text.utf8.count, using: &generator)
      #expect(scan(text, layout, cutAt: [cut]) == scan(text, layout))
    }
  }
}
