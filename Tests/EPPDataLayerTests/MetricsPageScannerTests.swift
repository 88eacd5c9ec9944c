import EPPCore
import EPPDataLayer
import EPPTestKit
import Testing

@Suite struct MetricsPageScannerTests {
  private func scan(_ text: String) -> EnginePage? { scan(Array(text.utf8)) }

  private func scan(_ bytes: [UInt8], cutAt cuts: [Int] = []) -> EnginePage? {
    var scanner = MetricsPageScanner()
    var start = 0
    for cut in cuts + [bytes.count] {
      unsafe scanner.scan(bytes[start..<cut].span.bytes)
      start = cut
    }
    return scanner.finish()
  }

  /// Ranks that work on the same requests write the same counts; data-parallel ones have requests of their own.
  @Test func copiesOfACountAreCountedOnce() {
    let copies = scan(
      """
      sglang:num_queue_reqs{model_name="m",tp_rank="0",pp_rank="0"} 3.0
      sglang:num_queue_reqs{model_name="m",tp_rank="1",pp_rank="0"} 3.0
      sglang:num_queue_reqs{model_name="m",tp_rank="0",pp_rank="1"} 3.0
      sglang:num_running_reqs{tp_rank="0",model_name="m"} 5.0
      sglang:num_running_reqs{tp_rank="1",model_name="m"} 5.0
      sglang:token_usage{model_name="m",tp_rank="0",moe_ep_rank="0"} 0.5
      sglang:token_usage{model_name="m",tp_rank="1",moe_ep_rank="1"} 0.5
      sglang:cache_config_info{num_pages="100",page_size="64",tp_rank="0"} 1.0
      sglang:cache_config_info{num_pages="100",page_size="64",tp_rank="1"} 1.0

      """)
    #expect(copies?.waitingRequests == 3 && copies?.runningRequests == 5 && copies?.kvCacheUsage == 0.5)
    #expect(copies?.cacheBlocks == 100)
    let several = scan(
      """
      sglang:num_queue_reqs{dp_rank="0",tp_rank="0"} 3.0
      sglang:num_queue_reqs{dp_rank="1",tp_rank="0"} 4.0
      sglang:num_queue_reqs{dp_rank="1",tp_rank="1"} 4.0
      vllm:num_requests_running{engine="0",model_name="m"} 1.0
      vllm:num_requests_running{engine="1",model_name="m"} 2.0

      """)
    #expect(several?.waitingRequests == 7 && several?.runningRequests == 3)
  }

  /// A family that never came, and one that does not come any more.
  @Test func whatAPageDoesNotSayIsMissing() throws {
    let first = try #require(scan("vllm:num_requests_waiting 4.0\nvllm:kv_cache_usage_perc 0.5\n"))
    var metrics = first.updating(EndpointMetrics(), scrapedAt: .milliseconds(1), dispatched: .init())
    #expect(metrics.missing == .runningRequests)
    let second = try #require(scan("vllm:num_requests_running 2.0\nvllm:kv_cache_usage_perc NaN\n"))
    metrics = second.updating(metrics, scrapedAt: .milliseconds(2), dispatched: .init())
    #expect(metrics.missing == [.waitingRequests, .kvCacheUsage])
    #expect(metrics.missing.names == "waiting requests, KV cache usage")
  }

  private struct Expected: Sendable {
    var file: String
    var waiting: Int
    var running: Int
    var usage: Double
    var blocks: Int
    var queried: UInt64
    var hits: UInt64
    var started: Double
    var loRA: LoRAState?
  }

  private static let pages = [
    Expected(
      file: "metrics-0.32.0-idle-fresh", waiting: 0, running: 0, usage: 0, blocks: 1024, queried: 0, hits: 0,
      started: 1_795_346_957.89),
    Expected(
      file: "metrics-0.32.0-idle-after-some-requests", waiting: 0, running: 0, usage: 0, blocks: 160, queried: 15173,
      hits: 1312, started: 1_795_345_703.7),
    Expected(
      file: "metrics-0.32.0-under-load", waiting: 22, running: 8, usage: 0.36070381231671556, blocks: 1024,
      queried: 52428, hits: 13344, started: 1_795_346_957.89),
    Expected(
      file: "metrics-0.32.0-under-load2", waiting: 16, running: 14, usage: 0.6148582600195504, blocks: 1024,
      queried: 61428, hits: 13344, started: 1_795_346_957.89),
    Expected(
      file: "metrics-0.32.0-lora-under-load", waiting: 11, running: 3, usage: 0.9245283018867925, blocks: 160,
      queried: 14145, hits: 192, started: 1_795_347_386.25, loRA: LoRAState(maximum: 1)),
  ]

  @Test(arguments: pages.indices)
  func readsRealPagesExactly(_ index: Int) throws {
    let expected = Self.pages[index]
    let page = try #require(scan(try fixture(expected.file)))
    #expect(page.waitingRequests == expected.waiting)
    #expect(page.runningRequests == expected.running)
    #expect(page.kvCacheUsage == expected.usage)
    #expect(page.cacheBlockTokens == 32)
    #expect(page.cacheBlocks == expected.blocks)
    #expect(page.prefixCacheQueriedTokens == expected.queried)
    #expect(page.prefixCacheHitTokens == expected.hits)
    #expect(page.loRA == expected.loRA)
    #expect(page.processStartTime == expected.started)
  }

  @Test func aProcessWithoutAnEngineIsNoEngine() {
    #expect(scan("process_start_time_seconds 5\n") == nil)
    #expect(scan("process_start_time_seconds 5\nvllm:num_requests_waiting 1\n")?.processStartTime == 5)
  }

  @Test func chunksMayEndAnywhere() throws {
    let small = Array(
      """
      # HELP vllm:num_requests_waiting x
      vllm:num_requests_waiting{engine="0"} 3.0
      vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 3.0
      vllm:kv_cache_usage_perc 0.25
      vllm:lora_requests_info{max_lora="2",running_lora_adapters="a,b",waiting_lora_adapters="c"} 5
      vllm:num_requests_running{engine="0"} 7
      """.utf8)
    let whole = try #require(scan(small))
    #expect(whole.runningRequests == 7)
    for first in 0...small.count {
      for second in stride(from: first, through: small.count, by: 3) {
        #expect(scan(small, cutAt: [first, second]) == whole)
      }
    }
    var generator = SeededGenerator(seed: 7)
    let page = try fixture("metrics-0.32.0-lora-under-load")
    let expected = scan(page)
    for _ in 0..<50 {
      let cuts = (0..<Int.random(in: 1...200, using: &generator)).map { _ in
        Int.random(in: 0...page.count, using: &generator)
      }
      #expect(scan(page, cutAt: cuts.sorted()) == expected)
    }
  }

  @Test func seriesOfSeveralEnginesAreSummedAndUsageIsTheirMean() throws {
    let page = try #require(
      scan(
        """
        vllm:num_requests_waiting{engine="0"} 3
        vllm:num_requests_waiting{engine="1"} 4
        vllm:num_requests_running{engine="0"} 1
        vllm:num_requests_running{engine="1"} 2
        vllm:kv_cache_usage_perc{engine="0"} 0.2
        vllm:kv_cache_usage_perc{engine="1"} 0.6
        vllm:prefix_cache_queries_total{engine="0"} 10
        vllm:prefix_cache_queries_total{engine="1"} 20
        vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="100"} 1
        vllm:cache_config_info{block_size="16",engine="1",num_gpu_blocks="50"} 1

        """))
    #expect(page.waitingRequests == 7)
    #expect(page.runningRequests == 3)
    #expect(page.kvCacheUsage == 0.4)
    #expect(page.prefixCacheQueriedTokens == 30)
    #expect(page.cacheBlocks == 150)
    #expect(page.cacheBlockTokens == 16)
  }

  @Test func newestTimestampOfALabelSetCounts() {
    #expect(
      scan("vllm:num_requests_waiting{e=\"0\"} 5 2000\nvllm:num_requests_waiting{e=\"0\"} 9 1000\n")?.waitingRequests
        == 5)
    #expect(
      scan("vllm:num_requests_waiting{e=\"0\"} 5 1000\nvllm:num_requests_waiting{e=\"0\"} 9 2000\n")?.waitingRequests
        == 9)
    #expect(scan("vllm:num_requests_waiting 5\nvllm:num_requests_waiting 9\n")?.waitingRequests == 9)
  }

  @Test func namesHaveToMatchWhole() {
    #expect(scan("vllm:num_requests_waiting_by_reason{reason=\"capacity\"} 22\n") == nil)
    #expect(scan("vllm:num_requests_waitin 22\n") == nil)
    #expect(scan("xvllm:num_requests_waiting 22\n") == nil)
    #expect(scan(" vllm:num_requests_waiting 22\n") == nil)
    #expect(scan("# vllm:num_requests_waiting 22\n") == nil)
    #expect(scan("vllm:external_prefix_cache_queries_total 22\n") == nil)
    #expect(scan("vllm:prefix_cache_queries_created 22\n") == nil)
  }

  @Test func oldNamesCountOnlyWithoutTheNewOnes() {
    #expect(scan("vllm:gpu_cache_usage_perc 0.5\n")?.kvCacheUsage == 0.5)
    #expect(scan("vllm:gpu_cache_usage_perc 0.5\nvllm:kv_cache_usage_perc 0.25\n")?.kvCacheUsage == 0.25)
    #expect(scan("vllm:gpu_prefix_cache_hits_total 3\n")?.prefixCacheHitTokens == 3)
    #expect(
      scan("vllm:prefix_cache_hits_total 4\nvllm:gpu_prefix_cache_hits_total 3\n")?.prefixCacheHitTokens == 4)
  }

  @Test func readsSGLang() throws {
    let page = try #require(
      scan(
        """
        # TYPE sglang:num_running_reqs gauge
        sglang:num_running_reqs{model_name="m"} 12.0
        sglang:num_queue_reqs{model_name="m"} 4.0
        sglang:token_usage{model_name="m"} 0.28
        sglang:gen_throughput{model_name="m"} 86.5
        sglang:cache_config_info{num_pages="9000",page_size="64"} 1.0
        """))
    #expect(page.runningRequests == 12)
    #expect(page.waitingRequests == 4)
    #expect(page.kvCacheUsage == 0.28)
    #expect(page.cacheBlocks == 9000)
    #expect(page.cacheBlockTokens == 64)
  }

  @Test(
    arguments: [
      ("1e3", 1000), ("+7", 7), ("3.4", 3), ("1.5E+01", 15), ("2e-1", 0), ("0x10", nil), ("NaN", nil), ("+Inf", nil),
      ("-1", nil), ("-0", 0), ("", nil), (".", nil), ("1e", nil), ("1e9999", nil), ("1_000", nil), ("12abc", nil),
      ("99999999999999999999999", 1_000_000_000_000_000), ("0.1", 0), ("-Inf", nil), ("inf", nil), ("5\r", 5),
    ] as [(String, Int?)])
  func readsNumbersAsPrometheusWritesThem(_ text: String, _ expected: Int?) {
    #expect(scan("vllm:num_requests_waiting \(text)\nvllm:num_requests_running 1\n")?.waitingRequests == expected)
  }

  @Test func usageIsClampedAndNegativeOrNaNIsIgnored() {
    #expect(scan("vllm:kv_cache_usage_perc 1.7\n")?.kvCacheUsage == 1)
    #expect(scan("vllm:kv_cache_usage_perc -0.5\n")?.kvCacheUsage == nil)
    #expect(scan("vllm:kv_cache_usage_perc NaN\n") == EnginePage())
    #expect(
      scan("vllm:kv_cache_usage_perc{e=\"0\"} NaN\nvllm:kv_cache_usage_perc{e=\"1\"} 0.5\n")?.kvCacheUsage == 0.5)
  }

  @Test func loRASeriesWithTheHighestValueIsThePresent() throws {
    let page = try #require(
      scan(
        """
        vllm:lora_requests_info{max_lora="4",running_lora_adapters="old",waiting_lora_adapters=""} 1.7e9
        vllm:lora_requests_info{max_lora="4",running_lora_adapters="sql, chat",waiting_lora_adapters="a\\"b,c\\\\d,e\\nf"} 1.8e9
        vllm:lora_requests_info{max_lora="4",running_lora_adapters="older",waiting_lora_adapters=""} 1.6e9
        """))
    #expect(page.loRA?.maximum == 4)
    #expect(page.loRA?.running.map(\.name) == ["sql", "chat"])
    #expect(page.loRA?.waiting.map(\.name) == ["a\"b", "c\\d", "e\nf"])
  }

  @Test func bracesAndQuotesInLabelValuesDoNotEndTheLabels() {
    #expect(
      scan("vllm:num_requests_waiting{m=\"a}b\\\"} 9\",n=\"x{\"} 4\nvllm:num_requests_waiting{m=\"open} 5\n")?
        .waitingRequests == 4)
    #expect(scan("vllm:num_requests_waiting{ m = \"a\" , } \t 4 \t 17\n")?.waitingRequests == 4)
  }

  @Test func unknownBlocksAreNotZero() throws {
    let page = try #require(scan("vllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"None\"} 1.0\n"))
    #expect(page.cacheBlocks == nil)
    #expect(page.cacheBlockTokens == 16)
  }

  @Test func pageOfAnotherProgramIsNoEnginePage() {
    #expect(scan("# HELP go_goroutines x\ngo_goroutines 8\n") == nil)
    #expect(scan("") == nil)
    #expect(scan("<html>not found</html>") == nil)
    #expect(scan([UInt8](repeating: 0, count: 4096)) == nil)
  }

  @Test func lineWithoutEndIsBounded() {
    var scanner = MetricsPageScanner()
    let text = Array("vllm:num_requests_waiting{m=\"".utf8) + [UInt8](repeating: 0x61, count: 1 << 16)
    for _ in 0..<200 { unsafe scanner.scan(text.span.bytes) }
    unsafe scanner.scan(Array("\"} 1\nvllm:num_requests_running 5\n".utf8).span.bytes)
    #expect(scanner.finish()?.runningRequests == 5)
  }

  @Test func countlessSeriesAreBounded() {
    let text = (0..<2000).map { "vllm:num_requests_waiting{e=\"\($0)\"} 1\n" }.joined()
    #expect(scan(text)?.waitingRequests == 512)
  }

  @Test func everyCutOfAPageIsSafe() throws {
    let page = try fixture("metrics-0.32.0-lora-under-load")
    for end in stride(from: 0, to: page.count, by: 37) { _ = scan(Array(page[..<end])) }
    #expect(scan(Array(page[..<(page.count / 2)])) != nil)
  }

  @Test(arguments: 0..<8)
  func mutatedPagesNeverTrap(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let original = try fixture("metrics-0.32.0-lora-under-load")
    let interesting = Array("{}\"\\,=\n \0\u{7F}0159.eE+-NInfvsglm:#".utf8)
    for _ in 0..<60 {
      var page = original
      for _ in 0..<Int.random(in: 1...3000, using: &generator) {
        let at = Int.random(in: 0..<page.count, using: &generator)
        page[at] =
          Bool.random(using: &generator)
          ? interesting[Int.random(in: 0..<interesting.count, using: &generator)]
          : UInt8.random(in: 0...255, using: &generator)
      }
      let cuts = (0..<3).map { _ in Int.random(in: 0...page.count, using: &generator) }.sorted()
      let whole = scan(page)
      #expect(scan(page, cutAt: cuts) == whole)
      if let usage = whole?.kvCacheUsage { #expect((0...1).contains(usage)) }
      if let waiting = whole?.waitingRequests { #expect(waiting >= 0) }
    }
  }

  @Test func absentNumbersKeepTheirOldValues() {
    var old = EndpointMetrics()
    old.waitingRequests = 5
    old.cacheBlocks = 100
    old.dispatchedAtScrape.requests = 4
    old.loRA = LoRAState(maximum: 2, running: ["a"])
    var page = EnginePage()
    page.runningRequests = 3
    let new = page.updating(
      old, scrapedAt: .milliseconds(7), dispatched: EndpointLoad.Totals(requests: 9, uncachedTokens: 90))
    #expect(new.waitingRequests == 5)
    #expect(new.runningRequests == 3)
    #expect(new.cacheBlocks == 100)
    #expect(new.loRA == LoRAState())
    #expect(new.scrapedAt == .milliseconds(7))
    #expect(new.dispatchedAtScrape.requests == 9)
    #expect(new.recentDispatches == 5)
  }
}
