import EPPCore
import EPPMetrics
import EPPPrefixCache
import EPPRequests
import EPPRouting
import EPPScheduling
import EPPTestKit
import Synchronization
import Testing

/// The pipeline of a request over real parts; only the endpoints are made up.
@Suite struct PoolTests {
  let metrics = PickerMetrics()
  let sink = RecordingSink()
  let index = PrefixIndex(hasher: BlockHasher(seed: HashSeed(first: 1, second: 2)))
  let members: [PoolSnapshot.Member]
  let pool: RoutedPool

  init() {
    self.init(waiting: [0, 0, 0])
  }

  private init(waiting: [Int], scheduler: SchedulerConfiguration = .weighted) {
    members = waiting.enumerated().map { index, waiting in
      var metrics = EndpointMetrics()
      metrics.waitingRequests = waiting
      let endpoint = Endpoint(
        name: "e\(index)", address: EndpointAddress(host: "10.0.0.\(index)", port: 8000),
        slot: EndpointSlot(index: index, generation: 1))
      return PoolSnapshot.Member(endpoint: endpoint, metrics: metrics, load: EndpointLoad(), isStale: false)
    }
    let seed = HashSeed(first: 1, second: 2)
    pool = RoutedPool(
      configuration: RoutingConfiguration(
        settings: RoutingConfiguration.Settings(tokenDeadline: .milliseconds(100)),
        scheduler: Scheduler(scheduler, PluginEnvironment(seed: seed, metrics: metrics))),
      source: FixedSource(PoolSnapshot(members: members)), index: index,
      metrics: metrics, decisions: sink,
      clock: { MonotonicTime(nanoseconds: 1_001_500_000) })
  }

  func time(_ milliseconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

  func body(_ prompt: String, model: String = "m") -> [UInt8] {
    Array(#"{"model": "\#(model)", "prompt": "\#(prompt)"}"#.utf8)
  }

  /// A pool like `pool` that tells its source of events what it finds wrong.
  func pool(events: RecordingEvents) -> RoutedPool {
    let seed = HashSeed(first: 1, second: 2)
    return RoutedPool(
      configuration: RoutingConfiguration(
        settings: RoutingConfiguration.Settings(tokenDeadline: .milliseconds(100)),
        scheduler: Scheduler(SchedulerConfiguration.weighted, PluginEnvironment(seed: seed, metrics: metrics))),
      source: FixedSource(PoolSnapshot(members: members)), index: index,
      events: events, metrics: metrics, decisions: sink,
      clock: { MonotonicTime(nanoseconds: 1_001_500_000) })
  }

  func route(
    _ body: [UInt8], path: String = "/v1/completions", headers: [(String, String)] = [], subset: SubsetHint = .absent,
    seesResponse: Bool = true, in other: RoutedPool? = nil, scratch: inout RoutingScratch
  ) -> Result<RoutedRequest, Rejection> {
    switch outcome(
      body, path: path, headers: headers, subset: subset, seesResponse: seesResponse, in: other, scratch: &scratch)
    {
    case .routed(let routed): return .success(routed)
    case .refused(let rejection): return .failure(rejection)
    case .suspended: preconditionFailure("nothing was to be waited for")
    }
  }

  func outcome(
    _ body: [UInt8], path: String = "/v1/completions", headers: [(String, String)] = [], subset: SubsetHint = .absent,
    seesResponse: Bool = true, waits: Bool = false, in other: RoutedPool? = nil, scratch: inout RoutingScratch
  ) -> RouteOutcome {
    let fields = ([(":path", path)] + headers).map { RequestHeaders.Field(name: $0.0, value: $0.1) }
    let arrival = RequestArrival(
      context: RequestContext(requestID: "r", headers: RequestHeaders(fields), subset: subset), receivedAt: time(1000),
      seesResponse: seesResponse)
    let pipeline = (other ?? pool).pipeline
    let wake: (@Sendable () -> Void)? = waits ? { @Sendable in } : nil
    return unsafe pipeline.begin(
      arrival, .whole, body.span.bytes, wake: wake, scratch: &scratch, now: time(1001))
  }

  func page() -> String { String(decoding: metrics.page(), as: UTF8.self) }

  @Test func theSecondRequestGoesWhereTheFirstOnesPrefixIs() throws {
    var scratch = pool.pipeline.makeScratch()
    let long = String(repeating: "the quick brown fox ", count: 100)
    for round in 0..<5 {
      let prompt = "\(round) " + long
      let first = try route(body(prompt), scratch: &scratch).get()
      first.flight?.ended(isComplete: true, now: time(1002))
      let second = try route(body(prompt + " and more"), scratch: &scratch).get()
      #expect(second.destination == first.destination)
      second.flight?.ended(isComplete: true, now: time(1003))
    }
    #expect(sink.all.last?.decidingScorer == "prefix-cache-scorer")
    #expect((sink.all.last?.predictedCachedTokens ?? 0) > 400)
  }

  @Test func theShorterQueueWinsWithoutAPrefix() throws {
    let test = PoolTests(waiting: [5, 0, 5])
    var scratch = test.pool.pipeline.makeScratch()
    let routed = try test.route(body("hello"), scratch: &scratch).get()
    #expect(routed.destination == "10.0.0.1:8000")
  }

  @Test func aRequestCountsAtItsEndpointUntilItEnds() throws {
    var scratch = pool.pipeline.makeScratch()
    let routed = try route(body(String(repeating: "a", count: 400)), scratch: &scratch).get()
    let member = try #require(members.first { $0.destination == routed.destination })
    #expect(member.load.inFlight == EndpointLoad.InFlight(requests: 1, uncachedTokens: 100))
    let flight = try #require(routed.flight)
    flight.responseStarted(
      ResponseStart(status: 200, isEventStream: false, isReadable: true, served: nil), now: time(1010))
    unsafe flight.responseBody(Array("{".utf8).span.bytes, now: time(1020))
    #expect(member.load.inFlight == EndpointLoad.InFlight(requests: 1, uncachedTokens: 0))
    flight.responseEnded(now: time(1030))
    #expect(member.load.inFlight == EndpointLoad.InFlight(requests: 0, uncachedTokens: 0))
    flight.ended(isComplete: true, now: time(1031))
    #expect(member.load.inFlight == EndpointLoad.InFlight(requests: 0, uncachedTokens: 0))
  }

  @Test func anAnswerWhoseBodyIsNotSeenComputesUntilItsHeadersAndRunsUntilTheStreamEnds() throws {
    var scratch = pool.pipeline.makeScratch()
    let routed = try route(body(String(repeating: "a", count: 400)), scratch: &scratch).get()
    let member = try #require(members.first { $0.destination == routed.destination })
    let flight = try #require(routed.flight)
    flight.responseStarted(
      ResponseStart(status: 200, isEventStream: true, isReadable: true, bodyIsSeen: false, served: nil),
      now: time(1010))
    #expect(member.load.inFlight == EndpointLoad.InFlight(requests: 1, uncachedTokens: 0))
    flight.ended(isComplete: false, now: time(1500))
    #expect(member.load.inFlight == EndpointLoad.InFlight(requests: 0, uncachedTokens: 0))
    let page = page()
    func count(_ family: String) -> Substring? {
      page.split(separator: "\n").first { $0.hasPrefix(family + "_count{") }?.split(separator: " ").last
    }
    #expect(count("llm_d_epp_request_duration_seconds") == "1")
    #expect(count("epp_request_response_headers_seconds") == "1")
    for unseen in ["response_size_bytes", "request_ttft_seconds", "request_output_tokens"] {
      #expect(count("llm_d_epp_" + unseen) == nil)
    }
    #expect(!page.contains("error_code="))
  }

  @Test func aRequestWhoseEndIsNotSeenCountsUntilTheNextScrape() throws {
    var scratch = pool.pipeline.makeScratch()
    let routed = try route(body("hello"), seesResponse: false, scratch: &scratch).get()
    #expect(routed.flight == nil)
    let member = try #require(members.first { $0.destination == routed.destination })
    #expect(member.load.inFlight.requests == 0)
    #expect(member.load.unseen(since: member.metrics.dispatchedAtScrape).requests == 1)
    #expect(member.load.unseen(since: member.load.totals).requests == 0)
  }

  @Test func loadAndPrefixFollowTheEndpointThatServed() throws {
    var scratch = pool.pipeline.makeScratch()
    let prompt = String(repeating: "warm prefix of some length ", count: 40)
    let routed = try route(body(prompt), scratch: &scratch).get()
    let picked = try #require(members.first { $0.destination == routed.destination })
    let served = try #require(members.first { $0.destination != routed.destination })
    let flight = try #require(routed.flight)
    flight.responseStarted(
      ResponseStart(status: 200, isEventStream: false, isReadable: true, served: served.destination), now: time(1010))
    #expect(picked.load.inFlight.requests == 0)
    #expect(served.load.inFlight.requests == 1)
    flight.ended(isComplete: true, now: time(1011))
    let next = try route(body(prompt + "!"), scratch: &scratch).get()
    #expect(next.destination == served.destination)
  }

  @Test func anEndpointsStartTimeIsToldOnce() throws {
    let events = RecordingEvents()
    var metrics = EndpointMetrics()
    metrics.processStartTime = 1000
    let member = PoolSnapshot.Member(
      endpoint: members[0].endpoint, metrics: metrics, load: EndpointLoad(), isStale: false)
    let pool = RoutedPool(
      configuration: RoutingConfiguration(
        settings: RoutingConfiguration.Settings(tokenDeadline: .milliseconds(100)),
        scheduler: Scheduler(
          SchedulerConfiguration.weighted, PluginEnvironment(seed: HashSeed(first: 1, second: 2), metrics: self.metrics)
        )),
      source: FixedSource(PoolSnapshot(members: [member])), index: index,
      events: events, metrics: self.metrics, decisions: sink,
      clock: { MonotonicTime(nanoseconds: 1_001_500_000) })
    pool.upkeep.run(now: time(1_000))
    pool.upkeep.run(now: time(1_000))
    #expect(events.startTimes == [1000])
  }

  @Test func anEngineThatAnswersAnErrorHasNotCachedThePrompt() throws {
    var scratch = pool.pipeline.makeScratch()
    let prompt = String(repeating: "never computed ", count: 60)
    let routed = try route(body(prompt), scratch: &scratch).get()
    routed.flight?.responseStarted(
      ResponseStart(status: 500, isEventStream: false, isReadable: true, served: nil), now: time(1010))
    routed.flight?.ended(isComplete: true, now: time(1011))
    #expect(index.currentStatistics().pairs == 0)
    #expect(page().contains(#"error_code="ModelServerError""#))
  }

  /// A stream that fails has been answered with 200.
  @Test func anErrorInTheMiddleOfAnAnswerIsCountedOnce() throws {
    var scratch = pool.pipeline.makeScratch()
    let flight = try #require(try route(body("hello"), scratch: &scratch).get().flight)
    flight.responseStarted(
      ResponseStart(status: 200, isEventStream: true, isReadable: true, served: nil), now: time(1010))
    for event in [#"{"id":"1"}"#, #"{"error":{"message":"gone"}}"#, #"{"error":{"message":"gone"}}"#] {
      unsafe flight.responseBody(Array("data: \(event)\n\n".utf8).span.bytes, now: time(1020))
    }
    flight.responseEnded(now: time(1030))
    let errors = page().split(separator: "\n").filter {
      $0.hasPrefix("llm_d_epp_request_error_total{") && $0.contains(#"error_code="ModelServerError""#)
    }
    #expect(errors.count == 1 && errors.allSatisfy { $0.hasSuffix(" 1") })
  }

  @Test func usageAndTimesReachTheMetrics() throws {
    var scratch = pool.pipeline.makeScratch()
    let routed = try route(body("hello"), scratch: &scratch).get()
    let flight = try #require(routed.flight)
    flight.responseStarted(
      ResponseStart(status: 200, isEventStream: true, isReadable: true, served: nil), now: time(1010))
    let events = [
      "data: {\"choices\":[{\"text\":\"a\"}]}\n\n",
      "data: {\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":8}}}\n\n",
      "data: [DONE]\n\n",
    ]
    for (index, event) in events.enumerated() {
      unsafe flight.responseBody(Array(event.utf8).span.bytes, now: time(1100 + 10 * UInt64(index)))
    }
    flight.responseEnded(now: time(1200))
    let page = page()
    #expect(
      page.contains(
        #"llm_d_epp_request_input_tokens_sum{model_name="m",target_model_name="m",fairness_id="default-flow",priority="0"} 10"#
      ))
    #expect(
      page.contains(
        #"llm_d_epp_request_output_tokens_sum{model_name="m",target_model_name="m",fairness_id="default-flow",priority="0"} 3"#
      ))
    #expect(
      page.contains(
        #"llm_d_epp_request_cached_tokens_sum{model_name="m",target_model_name="m",fairness_id="default-flow",priority="0"} 8"#
      ))
    #expect(page.contains(#"source="reported"} 8"#))
    #expect(
      page.contains(
        #"llm_d_epp_request_ttft_seconds_count{model_name="m",target_model_name="m",fairness_id="default-flow",priority="0",streaming="true"} 1"#
      ))
  }

  @Test func aRewriteHeaderChangesTheModel() throws {
    var scratch = pool.pipeline.makeScratch()
    let sent = body("hello", model: "alias")
    let routed = try route(sent, headers: [("x-llm-d-model-name-rewrite", "real \"one\"")], scratch: &scratch).get()
    let rewrite = try #require(routed.rewrite)
    #expect(String(decoding: sent[rewrite.range], as: UTF8.self) == #""alias""#)
    #expect(String(decoding: rewrite.replacement, as: UTF8.self) == #""real \"one\"""#)
  }

  @Test func aRuleChangesTheModelAndOverridesTheHeader() throws {
    pool.pipeline.rules = RequestRules(
      rewrites: [
        "alias": try #require(
          ModelRewriteRule(name: "canary", targets: [ModelRewriteRule.Target(model: "real", weight: 1)]))
      ])
    var scratch = pool.pipeline.makeScratch()
    let sent = body("hello", model: "alias")
    let routed = try route(sent, headers: [("x-llm-d-model-name-rewrite", "header")], scratch: &scratch).get()
    #expect(try String(decoding: #require(routed.rewrite).replacement, as: UTF8.self) == #""real""#)
    // The answer names the client's model again.
    #expect(routed.clientModel == "alias")
    #expect(try route(body("hello", model: "other"), scratch: &scratch).get().rewrite == nil)
    #expect(
      page().contains(
        #"llm_d_epp_model_rewrite_decisions_total{model_rewrite_name="canary",model_name="alias",target_model="real"} 1"#
      ))
  }

  @Test func aRuleForAllModelsNeedsAModelInTheBody() throws {
    pool.pipeline.rules = RequestRules(
      otherModels: ModelRewriteRule(name: "all", targets: [ModelRewriteRule.Target(model: "real", weight: 1)]))
    var scratch = pool.pipeline.makeScratch()
    #expect(try route(body("hello"), scratch: &scratch).get().clientModel == "m")
    let unread = try route(Array("{}".utf8), path: "/other", scratch: &scratch).get()
    #expect(unread.rewrite == nil && unread.clientModel == nil)
  }

  @Test func theObjectiveOfARequestGivesItsPriority() throws {
    pool.pipeline.rules = RequestRules(priorities: ["batch": -2])
    var scratch = pool.pipeline.makeScratch()
    for header in ["x-llm-d-inference-objective", "x-gateway-inference-objective"] {
      let routed = try route(body("hello"), headers: [(header, "batch")], scratch: &scratch).get()
      routed.flight?.ended(isComplete: true, now: time(1002))
    }
    _ = try route(body("hello"), headers: [("x-llm-d-inference-objective", "unknown")], scratch: &scratch).get()
    let page = page()
    func requests(_ priority: Int) -> String {
      #"llm_d_epp_request_total{model_name="m",target_model_name="m",fairness_id="default-flow",priority="\#(priority)"}"#
    }
    #expect(page.contains(requests(-2) + " 2\n") && page.contains(requests(0) + " 1\n"))
    #expect(page.contains(#"fairness_id="default-flow",priority="-2"} 0"#))
  }

  @Test(
    arguments: [
      ("10.0.0.2:8000", "10.0.0.2:8000"), ("10.9.9.9:8000", "10.9.9.9:8000"),
      (nil, "fail: missing destination endpoint served metadata"),
    ] as [(String?, String)])
  func theVerifierNamesWhoHasServed(served: String?, header: String) throws {
    var scheduler = SchedulerConfiguration.weighted
    scheduler.observers = [ConfiguredPlugin(ServedEndpointVerifier.descriptor)]
    let test = PoolTests(waiting: [0, 0, 0], scheduler: scheduler)
    var scratch = test.pool.pipeline.makeScratch()
    let flight = try #require(try test.route(body("hello"), scratch: &scratch).get().flight)
    let headers = flight.responseStarted(
      ResponseStart(status: 200, isEventStream: false, isReadable: true, served: served), now: time(1010))
    #expect(headers == [RequestHeaders.Field(name: "x-conformance-test-served-endpoint", value: header)])
    flight.ended(isComplete: true, now: time(1020))
    #expect(test.members.allSatisfy { $0.load.inFlight.requests == 0 })
  }

  @Test func noEndpointIsAnswered503() {
    let test = PoolTests(waiting: [])
    var scratch = test.pool.pipeline.makeScratch()
    guard case .failure(let rejection) = test.route(body("hello"), scratch: &scratch) else {
      Issue.record("a request was routed to nowhere")
      return
    }
    #expect(rejection.status == .serviceUnavailable)
    #expect(rejection.reason == .noEndpoints)
    // Before the filters of the profile are asked, which would be blamed else.
    #expect(rejection.message == "no endpoint is known to the endpoint picker")
  }

  @Test func theSubsetHintIsKept() throws {
    var scratch = pool.pipeline.makeScratch()
    for _ in 0..<10 {
      let routed = try route(body("hello"), subset: .only(["10.0.0.2:8000"]), scratch: &scratch).get()
      #expect(routed.destination == "10.0.0.2:8000")
    }
    guard case .failure(let rejection) = route(body("hello"), subset: .only([]), scratch: &scratch) else {
      Issue.record("an empty subset was ignored")
      return
    }
    #expect(rejection.reason == .noEndpoints)
  }

  @Test func aBodyThatIsNoRequestIsTheClientsMistake() {
    var scratch = pool.pipeline.makeScratch()
    for text in ["", "{", "[]", #"{"prompt": "x"}"#] {
      guard case .failure(let rejection) = route(Array(text.utf8), scratch: &scratch) else {
        Issue.record("'\(text)' was routed")
        continue
      }
      #expect(rejection.status == .badRequest)
    }
  }

  @Test func sessionsAreCountedNewThenKept() throws {
    var scratch = pool.pipeline.makeScratch()
    for _ in 0..<3 {
      let routed = try route(body("hello"), headers: [("x-session-id", "s1")], scratch: &scratch).get()
      routed.flight?.ended(isComplete: true, now: time(1002))
    }
    let lines = page().split(separator: "\n").filter { $0.hasPrefix("epp_session_affinity_total{") }
    #expect(lines.filter { $0.hasSuffix(#",outcome="new"} 1"#) }.count == 1)
    #expect(lines.filter { $0.hasSuffix(#",outcome="kept"} 2"#) }.count == 1)
  }

  @Test func requestIDsAreDistinctUUIDs() {
    var scratch = pool.pipeline.makeScratch()
    var seen = Set<String>()
    for _ in 0..<1000 {
      let id = scratch.makeRequestID()
      #expect(id.count == 36)
      #expect(id.split(separator: "-").map(\.count) == [8, 4, 4, 4, 12])
      #expect(Array(id)[14] == "4")
      #expect("89ab".contains(Array(id)[19]))
      seen.insert(id)
    }
    #expect(seen.count == 1000)
  }
}
