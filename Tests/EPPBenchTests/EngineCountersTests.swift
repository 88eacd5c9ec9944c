import Testing

@testable import epp_bench

@Suite struct EngineCountersTests {
  @Test func seriesOfAFamilyAreSummed() {
    let counters = EngineCounters(
      page: """
        # TYPE vllm:request_success_total counter
        vllm:request_success_total{finished_reason="stop"} 3.0
        vllm:request_success_total{finished_reason="length"} 2.0
        vllm:prefix_cache_queries_total{engine="0"} 100.0
        vllm:prefix_cache_hits_total{engine="0"} 25.0
        vllm:prefix_cache_hits_created{engine="0"} 1.7e9
        """)
    #expect(counters.requests == 5)
    #expect(counters.hitRatio == 0.25)
    #expect((counters - counters).hitRatio == 0)
    #expect((counters + counters).queriedTokens == 200)
  }

  /// What the load tool's own engines show is read by the same code.
  @Test(arguments: [16_000, 34_000, 55_000]) func pagesHaveTheSizeThatIsAskedFor(_ bytes: Int) {
    let page = MetricsPage.make(bytes: bytes, model: "m", variant: 3)
    #expect(abs(page.utf8.count - bytes) < bytes / 4)
    #expect(EngineCounters(page: page).queriedTokens == 52_428 + 51)
    #expect(page.contains(#"model_name="m""#))
  }
}
