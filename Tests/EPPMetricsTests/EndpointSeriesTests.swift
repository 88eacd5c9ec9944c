import EPPCore
import Testing

@testable import EPPMetrics

@Suite struct EndpointSeriesTests {
  @Test func poolGaugesAreMeansOverFreshEndpoints() {
    let metrics = PickerMetrics()
    metrics.refreshPool(
      PoolSnapshot(members: [
        member("a", waiting: 2, running: 1, usage: 0.25), member("b", waiting: 4, running: 3, usage: 0.75),
        member("c", waiting: 100, running: 100, usage: 1, isStale: true, refusesConnections: true),
      ]), now: MonotonicTime(nanoseconds: 2_500_000_000))
    #expect(
      metrics.samples(of: "llm_d_epp_average_queue_size") == [#"llm_d_epp_average_queue_size{name="default"} 3"#])
    #expect(
      metrics.samples(of: "inference_pool_average_kv_cache_utilization") == [
        #"inference_pool_average_kv_cache_utilization{name="default"} 0.5"#
      ])
    #expect(metrics.pool.averageRunningRequests.value == 2)
    #expect(metrics.pool.deviationQueueSize.value == 1)
    #expect(metrics.pool.deviationKVCacheUtilization.value == 0.25)
    #expect(metrics.samples(of: "inference_pool_ready_pods") == [#"inference_pool_ready_pods{name="default"} 2"#])
    #expect(
      metrics.samples(of: "epp_endpoint_stale") == [
        #"epp_endpoint_stale{endpoint_name="a"} 0"#, #"epp_endpoint_stale{endpoint_name="b"} 0"#,
        #"epp_endpoint_stale{endpoint_name="c"} 1"#,
      ])
    #expect(
      metrics.samples(of: "epp_endpoint_refusing") == [
        #"epp_endpoint_refusing{endpoint_name="a"} 0"#, #"epp_endpoint_refusing{endpoint_name="b"} 0"#,
        #"epp_endpoint_refusing{endpoint_name="c"} 1"#,
      ])
    #expect(
      metrics.samples(of: "epp_endpoint_scrape_age_seconds").first
        == #"epp_endpoint_scrape_age_seconds{endpoint_name="a"} 1.5"#)
    #expect(metrics.samples(of: "llm_d_epp_per_endpoint_queue_size").count == 3)
  }

  @Test func anEmptyPoolHasNoReadyEndpointsAndMeansOfZero() {
    let metrics = PickerMetrics()
    metrics.refreshPool(
      PoolSnapshot(members: [member("a", waiting: 2, running: 1, usage: 0.25)]), now: MonotonicTime(nanoseconds: 1))
    metrics.refreshPool(.empty, now: MonotonicTime(nanoseconds: 2))
    #expect(metrics.pool.readyEndpoints.value == 0)
    #expect(metrics.pool.averageQueueSize.value == 0)
    #expect(metrics.pool.deviationQueueSize.value == 0)
  }

  @Test func anEndpointThatLeftLosesItsSeriesAtTheSecondRefresh() {
    let metrics = PickerMetrics()
    let pool = PoolSnapshot(members: [member("a", waiting: 0, running: 0, usage: 0)])
    metrics.refreshPool(pool, now: MonotonicTime(nanoseconds: 1))
    let series = metrics.endpointSeries(name: "a", namespace: "default", port: 8000)
    series.prefixQueriedTokens.increment(by: 10)
    series.prefixHitTokensReported.increment(by: 4)
    let flight = series.inFlight(fairnessID: "f", priority: 0)
    flight.requests.add(1)
    series.attempts(targetModel: "m").increment()
    #expect(
      metrics.samples(of: "epp_prefix_cache_hit_tokens_total") == [
        #"epp_prefix_cache_hit_tokens_total{endpoint_name="a",source="predicted"} 0"#,
        #"epp_prefix_cache_hit_tokens_total{endpoint_name="a",source="reported"} 4"#,
      ])
    metrics.refreshPool(.empty, now: MonotonicTime(nanoseconds: 2))
    #expect(metrics.text.contains(#"endpoint_name="a""#))
    metrics.refreshPool(.empty, now: MonotonicTime(nanoseconds: 3))
    #expect(!metrics.text.contains(#"endpoint_name="a""#))
    #expect(!metrics.text.contains(#"model_server_pod="a""#))
    // What still refers to the series may go on writing.
    flight.requests.add(-1)
    series.attempts(targetModel: "m").increment()
    series.attempts(targetModel: "m2").increment()
    series.inFlight(fairnessID: "g", priority: 0).requests.add(1)
    #expect(!metrics.text.contains(#"endpoint_name="a""#))
    #expect(metrics.endpointSeries(name: "a", namespace: "default", port: 8000) !== series)
  }

  @Test func anEndpointThatReturnsKeepsItsSeries() {
    let metrics = PickerMetrics()
    let pool = PoolSnapshot(members: [member("a", waiting: 0, running: 0, usage: 0)])
    let series = metrics.endpointSeries(for: pool.members[0].endpoint)
    for _ in 0..<3 {
      metrics.refreshPool(.empty, now: MonotonicTime(nanoseconds: 1))
      metrics.refreshPool(pool, now: MonotonicTime(nanoseconds: 1))
    }
    #expect(metrics.endpointSeries(for: pool.members[0].endpoint) === series)
    metrics.removeEndpointSeries(for: pool.members[0].endpoint)
    #expect(!metrics.text.contains(#"endpoint_name="a""#))
  }

  /// The families that tell endpoints apart; each has to be written to below, and to lose its series with the endpoint.
  @Test func noSeriesOfAnEndpointOutlivesIt() {
    let metrics = PickerMetrics()
    let labels: Set<LabelName> = [.endpointName, .modelServerEndpoint, .port]
    let families = metrics.families.all.filter { !labels.isDisjoint(with: $0.descriptor.labels) }
    func withSeries() -> [String] { families.filter { !$0.read().isEmpty }.map(\.descriptor.name) }
    #expect(withSeries().isEmpty)

    let pool = PoolSnapshot(members: [member("a", waiting: 0, running: 0, usage: 0)])
    let endpoint = metrics.endpointSeries(for: pool.members[0].endpoint)
    let stream = metrics.kvStreamSeries(endpoint: "a", address: "10.0.0.1:8000", rank: 0)
    for number in 0..<3 {
      endpoint.attempts(targetModel: "m\(number)").increment()
      endpoint.inFlight(fairnessID: "f\(number)", priority: number).requests.add(1)
    }
    endpoint.sessions.kept.increment()
    metrics.refreshPool(pool, now: MonotonicTime(nanoseconds: 1))
    #expect(withSeries() == families.map(\.descriptor.name))

    metrics.removeEndpointSeries(for: pool.members[0].endpoint)
    stream.remove()
    #expect(withSeries().isEmpty)
    // Nor does one come back through whoever still holds the series.
    endpoint.attempts(targetModel: "m0").increment()
    endpoint.attempts(targetModel: "late").increment()
    endpoint.inFlight(fairnessID: "late", priority: 0).tokens.add(1)
    #expect(withSeries().isEmpty)
  }

  private func member(
    _ name: String, waiting: Int, running: Int, usage: Double, isStale: Bool = false, refusesConnections: Bool = false
  ) -> PoolSnapshot.Member {
    var metrics = EndpointMetrics()
    metrics.waitingRequests = waiting
    metrics.runningRequests = running
    metrics.kvCacheUsage = usage
    metrics.scrapedAt = MonotonicTime(nanoseconds: 1_000_000_000)
    return PoolSnapshot.Member(
      endpoint: Endpoint(
        name: name, address: EndpointAddress(host: "10.0.0.1", port: 8000),
        slot: EndpointSlot(index: 0, generation: 0)),
      metrics: metrics, load: EndpointLoad(), isStale: isStale,
      refusesConnections: refusesConnections)
  }
}
