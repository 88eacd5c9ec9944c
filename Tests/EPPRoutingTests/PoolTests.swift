import EPPCore
import EPPExtProc
import EPPMetrics
import EPPPrefixCache
import EPPRequests
import EPPRouting
import EPPScheduling
import Synchronization
import Testing

/// A source whose snapshot a test sets.
private final class FixedSource: PoolSnapshotSource {
  private let snapshot: Mutex<PoolSnapshot>

  init(_ snapshot: PoolSnapshot) { self.snapshot = Mutex(snapshot) }

  func currentSnapshot() -> PoolSnapshot { snapshot.withLock { $0 } }
}

/// Keeps what it is given.
private final class RecordingSink: DecisionSink {
  private let records = Mutex<[DecisionRecord]>([])

  var isEnabled: Bool { true }
  var all: [DecisionRecord] { records.withLock { $0 } }

  func record(_ decision: DecisionRecord) { records.withLock { $0.append(decision) } }
}

private final class RecordingEvents: CacheEventSource {
  private let slots = Mutex<[EndpointSlot]>([])
  var resynchronised: [EndpointSlot] { slots.withLock { $0 } }

  func resynchronise(_ slot: EndpointSlot) { slots.withLock { $0.append(slot) } }
}

/// The pipeline of a request over real parts; only the endpoints are made up.
@Suite struct PoolTests {
  private let metrics = PickerMetrics()
  private let sink = RecordingSink()
  private let index = PrefixIndex(hasher: BlockHasher(seed: HashSeed(first: 1, second: 2)))
  private let members: [PoolSnapshot.Member]
  private let pool: Pool

  init() {
    self.init(waiting: [0, 0, 0])
  }

  private init(waiting: [Int], profile: ProfileConfiguration = .weighted) {
    members = waiting.enumerated().map { index, waiting in
      var metrics = EndpointMetrics()
      metrics.waitingRequests = waiting
      let endpoint = Endpoint(
        name: "e\(index)", address: EndpointAddress(host: "10.0.0.\(index)", port: 8000),
        slot: EndpointSlot(index: index, generation: 1))
      return PoolSnapshot.Member(endpoint: endpoint, metrics: metrics, load: EndpointLoad(), isStale: false)
    }
    let seed = HashSeed(first: 1, second: 2)
    pool = Pool(
      configuration: Pool.Configuration(), source: FixedSource(PoolSnapshot(members: members)), index: index,
      profile: SchedulingProfile(profile, seed: seed), metrics: metrics, decisions: sink)
  }

  private func time(_ milliseconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

  private func body(_ prompt: String, model: String = "m") -> [UInt8] {
    Array(#"{"model": "\#(model)", "prompt": "\#(prompt)"}"#.utf8)
  }

  /// A pool like `pool` that tells its source of events what it finds wrong.
  private func pool(events: RecordingEvents) -> Pool {
    let seed = HashSeed(first: 1, second: 2)
    return Pool(
      configuration: Pool.Configuration(), source: FixedSource(PoolSnapshot(members: members)), index: index,
      events: events, profile: SchedulingProfile(.weighted, seed: seed), metrics: metrics, decisions: sink)
  }

  private func route(
    _ body: [UInt8], headers: [(String, String)] = [], subset: SubsetHint = .absent, seesResponse: Bool = true,
    in other: Pool? = nil, scratch: inout RoutingScratch
  ) -> Result<RoutedRequest, Rejection> {
    let fields = ([(":path", "/v1/completions")] + headers).map { RequestHeaders.Field(name: $0.0, value: $0.1) }
    let arrival = RequestArrival(
      context: RequestContext(requestID: "r", headers: RequestHeaders(fields), subset: subset), receivedAt: time(1000))
    return unsafe (other ?? pool).route(
      arrival, input: .body, body: body.span.bytes, seesResponse: seesResponse, scratch: &scratch, now: time(1001))
  }

  private func page() -> String { String(decoding: metrics.page(), as: UTF8.self) }

  @Test func theSecondRequestGoesWhereTheFirstOnesPrefixIs() throws {
    var scratch = pool.makeScratch()
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
    var scratch = test.pool.makeScratch()
    let routed = try test.route(body("hello"), scratch: &scratch).get()
    #expect(routed.destination == "10.0.0.1:8000")
  }

  @Test func aRequestCountsAtItsEndpointUntilItEnds() throws {
    var scratch = pool.makeScratch()
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

  @Test func aRequestWhoseEndIsNotSeenCountsUntilTheNextScrape() throws {
    var scratch = pool.makeScratch()
    let routed = try route(body("hello"), seesResponse: false, scratch: &scratch).get()
    #expect(routed.flight == nil)
    let member = try #require(members.first { $0.destination == routed.destination })
    #expect(member.load.inFlight.requests == 0)
    #expect(member.load.unseen(since: member.metrics.dispatchedAtScrape).requests == 1)
    #expect(member.load.unseen(since: member.load.totals).requests == 0)
  }

  @Test func loadAndPrefixFollowTheEndpointThatServed() throws {
    var scratch = pool.makeScratch()
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

  /// What an engine publishes that has stored these tokens, in blocks of 16.
  private func stored(_ tokens: [UInt32]) -> [UInt8] {
    let hashes = (0..<(tokens.count / 16)).map { UInt64(1_000 + $0) }
    func number(_ value: UInt64) -> [UInt8] {
      [0xCF] + (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
    }
    func list(_ items: [[UInt8]]) -> [UInt8] {
      [0xDC, UInt8(items.count >> 8), UInt8(items.count & 255)] + items.joined()
    }
    let event: [UInt8] =
      [0x95, 0xAB] + Array("BlockStored".utf8) + list(hashes.map(number)) + [0xC0]
      + list(tokens.map { number(UInt64($0)) }) + [16]
    return [0x92, 0xCB, 0, 0, 0, 0, 0, 0, 0, 0] + list([event])
  }

  private func tokenBody(_ tokens: [UInt32]) -> [UInt8] {
    Array(#"{"model": "m", "prompt": [\#(tokens.map(String.init).joined(separator: ","))]}"#.utf8)
  }

  @Test func tokenIDsGoWhereTheEngineSaysThatItHoldsThem() throws {
    var scratch = pool.makeScratch()
    let tokens = (0..<200 as Range<UInt32>).map { $0 * 7 }
    var batch = KVEventBatch()
    try unsafe KVEventDecoder().decode(stored(Array(tokens[..<160])).span.bytes, into: &batch)
    index.apply(batch, from: members[1].endpoint.slot)
    index.setFollowed(true, members[1].endpoint.slot)
    let routed = try route(tokenBody(tokens), scratch: &scratch).get()
    #expect(routed.destination == members[1].destination)
    #expect(sink.all.last?.predictedCachedTokens == 160)
    // What was sent there a moment ago counts, but for the last token.
    let again = try route(tokenBody(Array(tokens[..<192])), scratch: &scratch).get()
    #expect(again.destination == members[1].destination)
    #expect(sink.all.last?.predictedCachedTokens == 176)
    // A request that failed left nothing.
    for request in [routed, again] {
      request.flight?.responseStarted(
        ResponseStart(status: 500, isEventStream: false, isReadable: true, served: nil), now: time(1010))
    }
    _ = try route(tokenBody(Array(tokens[..<192])), scratch: &scratch).get()
    #expect(sink.all.last?.predictedCachedTokens == 160)
  }

  @Test func anEngineThatContradictsItsEventsTwiceIsLearnedAnew() throws {
    let events = RecordingEvents()
    let pool = pool(events: events)
    var scratch = pool.makeScratch()
    let tokens = (0..<200 as Range<UInt32>).map { $0 * 7 }
    var batch = KVEventBatch()
    try unsafe KVEventDecoder().decode(stored(Array(tokens[..<192])).span.bytes, into: &batch)
    index.apply(batch, from: members[1].endpoint.slot)
    index.setFollowed(true, members[1].endpoint.slot)
    // Right, wrong, right, wrong, wrong: only two in a row count.
    for (cached, resyncs) in [(192, 0), (0, 0), (176, 0), (96, 0), (96, 1)] {
      let flight = try #require(try route(tokenBody(tokens), in: pool, scratch: &scratch).get().flight)
      flight.responseStarted(
        ResponseStart(status: 200, isEventStream: false, isReadable: true, served: nil), now: time(1010))
      let usage = #"{"usage": {"prompt_tokens": 200, "prompt_tokens_details": {"cached_tokens": \#(cached)}}}"#
      unsafe flight.responseBody(Array(usage.utf8).span.bytes, now: time(1020))
      flight.responseEnded(now: time(1030))
      #expect(events.resynchronised.count == resyncs)
    }
    #expect(events.resynchronised == [members[1].endpoint.slot])
    #expect(page().contains(#"epp_prefix_resyncs_total{endpoint_name="e1"} 1"#))
    #expect(page().contains(#"epp_prefix_prediction_error_tokens_count{endpoint_name="e1"} 5"#))
  }

  @Test func tokenIDsAreRememberedWhereNoEventsCome() throws {
    var scratch = pool.makeScratch()
    let tokens = (0..<200 as Range<UInt32>).map { $0 * 7 }
    let first = try route(tokenBody(tokens), scratch: &scratch).get()
    first.flight?.ended(isComplete: true, now: time(1002))
    let second = try route(tokenBody(tokens + [1, 2, 3]), scratch: &scratch).get()
    #expect(second.destination == first.destination)
    #expect(sink.all.last?.predictedCachedTokens == 192)
  }

  @Test func anEngineThatAnswersAnErrorHasNotCachedThePrompt() throws {
    var scratch = pool.makeScratch()
    let prompt = String(repeating: "never computed ", count: 60)
    let routed = try route(body(prompt), scratch: &scratch).get()
    routed.flight?.responseStarted(
      ResponseStart(status: 500, isEventStream: false, isReadable: true, served: nil), now: time(1010))
    routed.flight?.ended(isComplete: true, now: time(1011))
    #expect(index.currentStatistics().pairs == 0)
    #expect(page().contains(#"error_code="ModelServerError""#))
  }

  @Test func usageAndTimesReachTheMetrics() throws {
    var scratch = pool.makeScratch()
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
    var scratch = pool.makeScratch()
    let sent = body("hello", model: "alias")
    let routed = try route(sent, headers: [("x-llm-d-model-name-rewrite", "real \"one\"")], scratch: &scratch).get()
    let rewrite = try #require(routed.rewrite)
    #expect(String(decoding: sent[rewrite.range], as: UTF8.self) == #""alias""#)
    #expect(String(decoding: rewrite.replacement, as: UTF8.self) == #""real \"one\"""#)
  }

  @Test func noEndpointIsAnswered503() {
    let test = PoolTests(waiting: [])
    var scratch = test.pool.makeScratch()
    guard case .failure(let rejection) = test.route(body("hello"), scratch: &scratch) else {
      Issue.record("a request was routed to nowhere")
      return
    }
    #expect(rejection.status == .serviceUnavailable)
    #expect(rejection.reason == .noEndpoints)
  }

  @Test func theSubsetHintIsKept() throws {
    var scratch = pool.makeScratch()
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
    var scratch = pool.makeScratch()
    for text in ["", "{", #"{"model": "m"}"#, #"{"prompt": "x"}"#] {
      guard case .failure(let rejection) = route(Array(text.utf8), scratch: &scratch) else {
        Issue.record("'\(text)' was routed")
        continue
      }
      #expect(rejection.status == .badRequest)
    }
  }

  @Test func sessionsAreCountedNewThenKept() throws {
    var scratch = pool.makeScratch()
    for _ in 0..<3 {
      let routed = try route(body("hello"), headers: [("x-session-id", "s1")], scratch: &scratch).get()
      routed.flight?.ended(isComplete: true, now: time(1002))
    }
    #expect(page().contains(#"epp_session_affinity_total{outcome="new"} 1"#))
    #expect(page().contains(#"epp_session_affinity_total{outcome="kept"} 2"#))
  }

  @Test func requestIDsAreDistinctUUIDs() {
    var scratch = pool.makeScratch()
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
