import EPPCore
import EPPMetrics
import EPPPrefixCache
import EPPRequests
import EPPRouting
import EPPScheduling
import EPPTestKit
import Testing

/// Requests whose tokens are known.
extension PoolTests {
  /// What an engine publishes that has stored these tokens, in blocks of 16.
  func stored(_ tokens: [UInt32], firstHash: UInt64 = 1_000, loRAName: String? = nil) -> [UInt8] {
    let hashes = (0..<(tokens.count / 16)).map { firstHash + UInt64($0) }
    func number(_ value: UInt64) -> [UInt8] {
      [0xCF] + (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
    }
    func list(_ items: [[UInt8]]) -> [UInt8] {
      [0xDC, UInt8(items.count >> 8), UInt8(items.count & 255)] + items.joined()
    }
    var event: [UInt8] =
      [loRAName == nil ? 0x95 : 0x98, 0xAB] + Array("BlockStored".utf8) + list(hashes.map(number)) + [0xC0]
      + list(tokens.map { number(UInt64($0)) }) + [16]
    // The adapter's number, the medium, its name.
    if let loRAName { event += [1, 0xC0, 0xA0 | UInt8(loRAName.utf8.count)] + Array(loRAName.utf8) }
    return [0x92, 0xCB, 0, 0, 0, 0, 0, 0, 0, 0] + list([event])
  }

  func tokenBody(_ tokens: [UInt32], model: String = "m", members: String = "") -> [UInt8] {
    Array(#"{"model": "\#(model)"\#(members), "prompt": [\#(tokens.map(String.init).joined(separator: ","))]}"#.utf8)
  }

  @Test func tokenIDsGoWhereTheEngineSaysThatItHoldsThem() throws {
    var scratch = pool.pipeline.makeScratch()
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

  // MARK: - Token ids of texts

  /// A pool whose second endpoint holds 160 of these tokens by its own events, and which finds tokens as it is told.
  private func renderingPool(
    _ tokens: [UInt32], _ source: TestTokenSource, endpoints: FixedSource? = nil
  ) throws -> RoutedPool {
    var batch = KVEventBatch()
    try unsafe KVEventDecoder().decode(stored(Array(tokens[..<160])).span.bytes, into: &batch)
    index.apply(batch, from: members[1].endpoint.slot)
    index.setFollowed(true, members[1].endpoint.slot)
    return RoutedPool(
      configuration: RoutingConfiguration(
        settings: RoutingConfiguration.Settings(tokenDeadline: .milliseconds(100)),
        scheduler: Scheduler(
          SchedulerConfiguration.weighted, PluginEnvironment(seed: HashSeed(first: 1, second: 2), metrics: metrics)),
        timing: PipelineTiming(
          PluginTiming(metrics: metrics, now: { MonotonicTime(nanoseconds: 0) }), parsers: [],
          prefixProducer: ConfiguredPlugin(PreciseCacheSettings.descriptor),
          tokenProducer: ConfiguredPlugin(RenderService.descriptor, name: "tokens"))),
      source: endpoints ?? FixedSource(PoolSnapshot(members: members)), index: index,
      tokens: source, metrics: metrics,
      decisions: sink,
      clock: { MonotonicTime(nanoseconds: 1_001_500_000) })
  }

  var ids: [UInt32] { (0..<200 as Range<UInt32>).map { $0 * 7 } }
  var text: String { String(repeating: "the quick brown fox ", count: 100) }

  @Test func aTextWhoseTokensAreKnownGoesWhereTheEngineSaysThatItHoldsThem() throws {
    let source = TestTokenSource(.known(ids))
    let pool = try renderingPool(ids, source)
    var scratch = pool.pipeline.makeScratch()
    let outcome = outcome(body(text), waits: true, in: pool, scratch: &scratch)
    guard case .routed(let routed) = outcome else { return #expect(Bool(false), "\(outcome)") }
    #expect(routed.destination == members[1].destination)
    #expect(sink.all.last?.predictedCachedTokens == 160)
    #expect(sink.all.last?.promptTokens == 200)
    #expect(source.asked == [[members[1].endpoint.address]])
  }

  @Test func aTextWhoseTokensAreOnTheirWayWaitsForThem() throws {
    let pending = TestPendingTokens()
    let source = TestTokenSource(.pending(pending))
    let pool = try renderingPool(ids, source)
    var scratch = pool.pipeline.makeScratch()
    let outcome = outcome(body(text), waits: true, in: pool, scratch: &scratch)
    guard case .suspended(let suspension) = outcome else { return #expect(Bool(false), "\(outcome)") }
    #expect(sink.all.isEmpty)
    // They have come, and nobody is asked again.
    pending.deliver(ids)
    let answered = pool.pipeline.resume(suspension, scratch: &scratch, now: time(1_050))
    guard case .routed(let routed) = answered else { return #expect(Bool(false), "\(answered)") }
    #expect(routed.destination == members[1].destination)
    #expect(sink.all.last?.predictedCachedTokens == 160)
    #expect(source.asked.count == 1)
  }

  /// Buckets of the time to find token ids: those of the clock, from the question to the answer.
  @Test(arguments: [true, false]) func theSearchForTokensIsTimed(_ isPending: Bool) throws {
    let pending = TestPendingTokens()
    let pool = try renderingPool(ids, TestTokenSource(isPending ? .pending(pending) : .known(ids)))
    var scratch = pool.pipeline.makeScratch()
    let outcome = outcome(body(text), waits: true, in: pool, scratch: &scratch)
    if case .suspended(let suspension) = outcome {
      pending.deliver(ids)
      _ = pool.pipeline.resume(suspension, scratch: &scratch, now: time(1_050))
    }
    let page = String(decoding: metrics.page(), as: UTF8.self)
    let series = #"extension_point="DataProducer",plugin_type="token-producer",plugin_name="tokens""#
    let bucket = { (bound: String) in
      page.split(separator: "\n").first { $0.contains("duration_seconds_bucket{\(series),le=\"\(bound)\"}") }?.last
    }
    // Asked at 1,001.5 ms.
    #expect(bucket("0.02") == (isPending ? "0" : "1"))
    #expect(bucket("0.05") == "1")
  }

  @Test func aRequestThatWaitedGoesToAnEndpointThatIsThereThen() throws {
    let pending = TestPendingTokens()
    let endpoints = FixedSource(PoolSnapshot(members: members))
    let pool = try renderingPool(ids, TestTokenSource(.pending(pending)), endpoints: endpoints)
    var scratch = pool.pipeline.makeScratch()
    let outcome = outcome(body(text), waits: true, in: pool, scratch: &scratch)
    guard case .suspended(let suspension) = outcome else { return #expect(Bool(false), "\(outcome)") }
    // The endpoint that holds the prompt leaves.
    endpoints.set(PoolSnapshot(members: [members[0], members[2]]))
    pending.deliver(ids)
    let answered = pool.pipeline.resume(suspension, scratch: &scratch, now: time(1_050))
    guard case .routed(let routed) = answered else { return #expect(Bool(false), "\(answered)") }
    #expect(routed.destination != members[1].destination)
  }

  @Test func aTextWhoseTokensDoNotComeIsMatchedByItsBytes() throws {
    let source = TestTokenSource(.unavailable)
    let pool = try renderingPool(ids, source)
    var scratch = pool.pipeline.makeScratch()
    for waits in [true, false] {
      let outcome = outcome(body(text), waits: waits, in: pool, scratch: &scratch)
      guard case .routed = outcome else { return #expect(Bool(false), "\(outcome)") }
    }
    // The second one found the first one's blocks of text.
    #expect(sink.all.map(\.predictedCachedTokens) == [0, 448])
    #expect(sink.all.map(\.promptTokens) == [500, 500])
  }

  @Test func nobodyIsAskedForTokensThatTellNothing() throws {
    let source = TestTokenSource(.known(ids))
    let pool = try renderingPool(ids, source)
    var scratch = pool.pipeline.makeScratch()
    // Shorter than a block, tokens already, several prompts; then an engine without events.
    _ = outcome(body("short"), waits: true, in: pool, scratch: &scratch)
    _ = outcome(tokenBody(ids), waits: true, in: pool, scratch: &scratch)
    let several = Array(#"{"model": "m", "prompt": ["\#(text)", "\#(text)"]}"#.utf8)
    _ = outcome(several, waits: true, in: pool, scratch: &scratch)
    index.setFollowed(false, members[1].endpoint.slot)
    _ = outcome(body(text), waits: true, in: pool, scratch: &scratch)
    #expect(source.asked.isEmpty)
    #expect(sink.all.count == 4)
  }

  @Test func anEngineThatContradictsItsEventsTwiceIsLearnedAnew() throws {
    let events = RecordingEvents()
    let pool = pool(events: events)
    var scratch = pool.pipeline.makeScratch()
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

  @Test func promptsAreToldWhereTheyAreOfUse() throws {
    let events = RecordingEvents()
    let pool = pool(events: events)
    var scratch = pool.pipeline.makeScratch()
    index.setFollowed(true, members[0].endpoint.slot)
    _ = try route(tokenBody(ids), in: pool, scratch: &scratch).get()
    #expect(events.prompts.isEmpty, "nothing waits for them")
    for member in members { index.setAdopting(true, member.endpoint.slot) }
    _ = try route(tokenBody(ids), in: pool, scratch: &scratch).get()
    #expect(events.prompts == [ids])
    let salted = #"{"model": "m", "cache_salt": "s", "prompt": [\#(ids.map(String.init).joined(separator: ","))]}"#
    _ = try route(Array(salted.utf8), in: pool, scratch: &scratch).get()
    _ = try route(body(text), in: pool, scratch: &scratch).get()
    #expect(events.prompts.count == 1)
  }

  @Test func tokenIDsAreRememberedWhereNoEventsCome() throws {
    var scratch = pool.pipeline.makeScratch()
    let tokens = (0..<200 as Range<UInt32>).map { $0 * 7 }
    let first = try route(tokenBody(tokens), scratch: &scratch).get()
    first.flight?.ended(isComplete: true, now: time(1002))
    let second = try route(tokenBody(tokens + [1, 2, 3]), scratch: &scratch).get()
    #expect(second.destination == first.destination)
    #expect(sink.all.last?.predictedCachedTokens == 192)
  }
}
