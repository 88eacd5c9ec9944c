import EPPCore
import EPPMetrics
import EPPPrefixCache
import EPPRouting
import EPPScheduling
import EPPTestKit
import Testing

/// Requests whose prompt is computed by another endpoint than the one that generates.
@Suite struct DisaggregatedRequestTests {
  private let metrics = PickerMetrics()
  private let prefill = EndpointLoad()
  private let decode = EndpointLoad()
  private let pool: RoutedPool

  init() throws {
    let list = PluginList.standard
    func plugin(_ type: String, _ arguments: PluginArguments = PluginArguments()) throws -> ConfiguredPlugin {
      ConfiguredPlugin(try #require(list[type]), arguments: arguments)
    }
    var deciders = PluginArguments()
    deciders.set("deciderPluginName", .text("always-disagg-pd-decider"))
    var configuration = SchedulerConfiguration(profiles: [
      ProfileConfiguration(
        name: "prefill", filters: [try plugin("prefill-filter")], scorers: [.init(.prefixCache, weight: 1)]),
      ProfileConfiguration(name: "decode", filters: [try plugin("decode-filter")], scorers: [.init(.queue, weight: 1)]),
    ])
    configuration.handler = try plugin("disagg-profile-handler", deciders)
    configuration.referenced = [try plugin("always-disagg-pd-decider")]
    let members = [("p", "prefill", prefill), ("d", "decode", decode)].enumerated().map { index, described in
      PoolSnapshot.Member(
        endpoint: Endpoint(
          name: described.0, address: EndpointAddress(host: "10.0.0.\(index)", port: 8000),
          labels: ["llm-d.ai/role": described.1], slot: EndpointSlot(index: index, generation: 1)),
        metrics: EndpointMetrics(), load: described.2, isStale: false)
    }
    let seed = HashSeed(first: 1, second: 2)
    pool = RoutedPool(
      configuration: RoutingConfiguration(
        settings: RoutingConfiguration.Settings(tokenDeadline: .zero),
        scheduler: Scheduler(configuration, PluginEnvironment(seed: seed, metrics: metrics))),
      source: FixedSource(PoolSnapshot(members: members)), index: PrefixIndex(hasher: BlockHasher(seed: seed)),
      metrics: metrics, decisions: RecordingSink(), clock: { MonotonicTime(nanoseconds: 0) })
  }

  private func time(_ milliseconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

  private func route(seesResponse: Bool = true) throws -> RoutedRequest {
    var scratch = pool.pipeline.makeScratch()
    let prompt = String(repeating: "a prompt of 32 bytes, repeated. ", count: 64)
    let body = Array(#"{"model": "m", "prompt": "\#(prompt)"}"#.utf8)
    let arrival = RequestArrival(
      context: RequestContext(
        requestID: "r", headers: RequestHeaders([.init(name: ":path", value: "/v1/completions")])), receivedAt: time(0),
      seesResponse: seesResponse)
    switch unsafe pool.pipeline.begin(arrival, .whole, body.span.bytes, scratch: &scratch, now: time(1)) {
    case .routed(let routed): return routed
    case .refused(let rejection): throw rejection
    case .suspended: preconditionFailure("nothing is waited for")
    }
  }

  private func count(_ start: String) -> Double? {
    String(decoding: metrics.page(), as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(start) }
      .flatMap { Double($0.split(separator: " ").last ?? "") }
  }

  @Test func thePromptCountsWhereItIsComputedUntilTheAnswerBegins() throws {
    let routed = try route()
    #expect(routed.destination == "10.0.0.1:8000")
    #expect(routed.headers == [.init(name: "x-prefiller-host-port", value: "10.0.0.0:8000")])
    #expect(prefill.inFlight == EndpointLoad.InFlight(requests: 1, uncachedTokens: 512))
    #expect(decode.inFlight == EndpointLoad.InFlight(requests: 1, uncachedTokens: 0))
    let flight = try #require(routed.flight)
    flight.responseStarted(
      ResponseStart(status: 200, isEventStream: false, isReadable: true, served: "10.0.0.1:8000"), now: time(2))
    unsafe flight.responseBody(Array("{}".utf8).span.bytes, now: time(3))
    #expect(prefill.inFlight == EndpointLoad.InFlight())
    #expect(decode.inFlight.requests == 1)
    flight.responseEnded(now: time(4))
    #expect(decode.inFlight == EndpointLoad.InFlight())
    #expect(
      count(
        #"llm_d_epp_disagg_decision_total{plugin_name="disagg-profile-handler",plugin_type="disagg-profile-handler",model_name="m",decision_type="prefill-decode"}"#
      ) == 1)
  }

  @Test func whatTheAnswerReportsCountsWhereThePromptDoes() throws {
    let flight = try #require(try route().flight)
    flight.responseStarted(
      ResponseStart(status: 200, isEventStream: false, isReadable: true, served: "10.0.0.1:8000"), now: time(2))
    let body =
      #"{"usage": {"prompt_tokens": 512, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 500}}}"#
    unsafe flight.responseBody(Array(body.utf8).span.bytes, now: time(3))
    flight.responseEnded(now: time(4))
    #expect(count(#"epp_prefix_cache_queried_tokens_total{endpoint_name="p"} "#) == 512)
    #expect(count(#"epp_prefix_cache_hit_tokens_total{endpoint_name="p",source="reported"} "#) == 500)
    #expect(count(#"epp_prefix_cache_hit_tokens_total{endpoint_name="d",source="reported"} "#) ?? 0 == 0)
  }

  @Test func bothHoldThePromptAfterwards() throws {
    try route().flight?.ended(isComplete: true, now: time(2))
    // All of it is held now, so nothing is left to be computed.
    _ = try route()
    #expect(prefill.inFlight == EndpointLoad.InFlight(requests: 1, uncachedTokens: 0))
  }

  @Test func aFailedRequestLeavesNothing() throws {
    let flight = try #require(try route().flight)
    flight.responseStarted(
      ResponseStart(status: 500, isEventStream: false, isReadable: true, served: nil), now: time(2))
    flight.responseEnded(now: time(3))
    #expect(prefill.inFlight == EndpointLoad.InFlight() && decode.inFlight == EndpointLoad.InFlight())
    _ = try route()
    #expect(prefill.inFlight.uncachedTokens == 512)
  }

  @Test func aRequestWhoseAnswerIsNotSeenCountsUntilTheNextScrape() throws {
    let before = (prefill.totals, decode.totals)
    _ = try route(seesResponse: false)
    #expect(prefill.inFlight == EndpointLoad.InFlight())
    #expect(prefill.unseen(since: before.0) == EndpointLoad.InFlight(requests: 1, uncachedTokens: 512))
    #expect(decode.unseen(since: before.1) == EndpointLoad.InFlight(requests: 1, uncachedTokens: 0))
  }
}
