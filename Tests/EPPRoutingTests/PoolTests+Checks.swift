import EPPCore
import EPPMetrics
import EPPPrefixCache
import EPPRouting
import EPPScheduling
import EPPTestKit
import Testing

/// What engines report of their caches, held against what was predicted.
extension PoolTests {
  /// A pool whose second endpoint is the only one that requests go to.
  private func pool(
    events: RecordingEvents = RecordingEvents(), tokens: TestTokenSource? = nil, source: FixedSource? = nil,
    _ change: (inout RoutingConfiguration.Settings) -> Void = { _ in }
  ) -> RoutedPool {
    var configuration = RoutingConfiguration.Settings(tokenDeadline: .milliseconds(100))
    change(&configuration)
    return RoutedPool(
      configuration: RoutingConfiguration(
        settings: configuration,
        scheduler: Scheduler(
          SchedulerConfiguration.weighted, PluginEnvironment(seed: HashSeed(first: 1, second: 2), metrics: metrics))),
      source: source ?? FixedSource(snapshot(members[1].metrics)), index: index,
      events: events, tokens: tokens, metrics: metrics,
      decisions: sink,
      clock: { MonotonicTime(nanoseconds: 1_001_500_000) })
  }

  private func snapshot(_ engine: EndpointMetrics) -> PoolSnapshot {
    PoolSnapshot(members: [
      PoolSnapshot.Member(endpoint: members[1].endpoint, metrics: engine, load: members[1].load, isStale: false)
    ])
  }

  private var slot: EndpointSlot { members[1].endpoint.slot }

  private func announce(
    _ tokens: [UInt32], rank: Int = 0, firstHash: UInt64 = 1_000, loRAName: String? = nil
  ) throws {
    var batch = KVEventBatch()
    try unsafe KVEventDecoder().decode(
      stored(tokens, firstHash: firstHash, loRAName: loRAName).span.bytes, into: &batch)
    index.apply(batch, from: slot, rank: rank)
    index.setFollowed(true, slot)
  }

  /// Sends a request and lets the engine report cached tokens; nil leaves the details out.
  private func exchange(
    _ body: [UInt8], reporting cached: Int?, promptTokens: Int = 200, in pool: RoutedPool,
    _ scratch: inout RoutingScratch,
    waits: Bool = false
  ) throws {
    guard case .routed(let routed) = outcome(body, waits: waits, in: pool, scratch: &scratch) else {
      Issue.record("the request was not routed")
      return
    }
    let flight = try #require(routed.flight)
    flight.responseStarted(
      ResponseStart(status: 200, isEventStream: false, isReadable: true, served: nil), now: time(1010))
    let details = cached.map { #"{"cached_tokens": \#($0)}"# } ?? "null"
    let usage = #"{"usage": {"prompt_tokens": \#(promptTokens), "prompt_tokens_details": \#(details)}}"#
    unsafe flight.responseBody(Array(usage.utf8).span.bytes, now: time(1020))
    flight.responseEnded(now: time(1030))
    // What the pick has entered is announced, or overdue.
    index.maintain(now: time(1_000_000))
  }

  private var exactTokens: Int { counter("epp_prefix_exact_tokens_total") }

  private func counter(_ name: String) -> Int {
    let head = name + #"{endpoint_name="e1"} "#
    return page().split(separator: "\n").first { $0.hasPrefix(head) }.flatMap { Int($0.dropFirst(head.count)) } ?? 0
  }

  @Test func whatAnEngineHasAnnouncedIsCounted() throws {
    let pool = pool()
    var scratch = pool.pipeline.makeScratch()
    try announce(Array(ids[..<160]))
    try exchange(tokenBody(ids), reporting: 160, in: pool, &scratch)
    #expect(exactTokens == 200 && counter("epp_prefix_announced_tokens_total") == 160)
    // What was just sent there is no announcement.
    _ = try route(tokenBody(ids), in: pool, scratch: &scratch).get()
    _ = try route(tokenBody(ids), in: pool, scratch: &scratch).get()
    #expect(sink.all.last?.predictedCachedTokens == 192)
    #expect(exactTokens == 600 && counter("epp_prefix_announced_tokens_total") == 480)
  }

  @Test func ofSeveralRanksNobodyKnowsWhichOneServes() throws {
    let events = RecordingEvents()
    let pool = pool(events: events)
    var scratch = pool.pipeline.makeScratch()
    try announce(Array(ids[..<192]))
    try announce(Array(ids[..<16]), rank: 1)
    for _ in 0..<4 { try exchange(tokenBody(ids), reporting: 0, in: pool, &scratch) }
    #expect(sink.all.last?.predictedCachedTokens == 192)
    #expect(events.resynchronised.isEmpty && exactTokens == 0)
    // One that is learned anew is still there.
    index.resetEvents(from: slot, rank: 1)
    for _ in 0..<4 { try exchange(tokenBody(ids), reporting: 0, in: pool, &scratch) }
    #expect(events.resynchronised.isEmpty && exactTokens == 0)
  }

  @Test func aPromptThatIsNotLookedUpWholeContradictsNothing() throws {
    let events = RecordingEvents()
    let pool = pool(events: events) { $0.prefix.maximumTokens = 64 }
    var scratch = pool.pipeline.makeScratch()
    try announce(Array(ids[..<192]))
    for _ in 0..<4 { try exchange(tokenBody(ids), reporting: 192, in: pool, &scratch) }
    #expect(sink.all.last?.predictedCachedTokens == 64)
    #expect(events.resynchronised.isEmpty && exactTokens == 0)
  }

  @Test func whereDetailsAreGivenTheirAbsenceSaysNothingWasCached() throws {
    let events = RecordingEvents()
    let pool = pool(events: events)
    var scratch = pool.pipeline.makeScratch()
    try announce(Array(ids[..<192]))
    // It may have been started without --enable-prompt-tokens-details.
    for _ in 0..<4 { try exchange(tokenBody(ids), reporting: nil, in: pool, &scratch) }
    #expect(events.resynchronised.isEmpty)
    try exchange(tokenBody(ids), reporting: 192, in: pool, &scratch)
    try exchange(tokenBody(ids), reporting: nil, in: pool, &scratch)
    #expect(events.resynchronised.isEmpty)
    try exchange(tokenBody(ids), reporting: nil, in: pool, &scratch)
    #expect(events.resynchronised == [slot])
  }

  @Test func anEngineThatFindsWhatNobodyHasAnnouncedIsReported() throws {
    let events = RecordingEvents()
    var engine = EndpointMetrics()
    (engine.prefixCacheQueriedTokens, engine.prefixCacheHitTokens) = (1_000, 500)
    let source = FixedSource(snapshot(engine))
    let pool = pool(events: events, source: source)
    var scratch = pool.pipeline.makeScratch()
    try announce((9_000..<9_192).map { UInt32($0) })
    pool.upkeep.run(now: time(1_000))
    for _ in 0..<100 { try exchange(tokenBody(ids), reporting: nil, in: pool, &scratch) }
    (engine.prefixCacheQueriedTokens, engine.prefixCacheHitTokens) = (21_000, 10_500)
    source.set(snapshot(engine))
    for _ in 0..<29 { pool.upkeep.run(now: time(1_000)) }
    #expect(events.unmatchedEndpoints.isEmpty && counter("epp_prefix_unmatched_windows_total") == 0)
    pool.upkeep.run(now: time(1_000))
    #expect(events.unmatchedEndpoints == [slot] && counter("epp_prefix_unmatched_windows_total") == 1)
    #expect(events.resynchronised.isEmpty, "its events say no more when they are asked for again")
  }

  @Test func anEngineThatWasStartedAnewMayGiveNoDetails() throws {
    let events = RecordingEvents()
    var engine = EndpointMetrics()
    engine.processStartTime = 5
    let source = FixedSource(snapshot(engine))
    let pool = pool(events: events, source: source)
    var scratch = pool.pipeline.makeScratch()
    pool.upkeep.run(now: time(1_000))
    try announce(Array(ids[..<192]))
    try exchange(tokenBody(ids), reporting: 192, in: pool, &scratch)
    engine.processStartTime = 6
    source.set(snapshot(engine))
    pool.upkeep.run(now: time(1_000))
    #expect(events.startTimes == [5, 6])
    for _ in 0..<4 { try exchange(tokenBody(ids), reporting: nil, in: pool, &scratch) }
    #expect(events.resynchronised.isEmpty)
  }

  @Test(arguments: [#", "prompt_logprobs": 1"#, #", "echo": true, "logprobs": 1"#, #", "n": 2"#])
  func whatReadsTheCacheOtherwiseContradictsNothing(_ members: String) throws {
    let events = RecordingEvents()
    let pool = pool(events: events)
    var scratch = pool.pipeline.makeScratch()
    try announce(Array(ids[..<192]))
    for _ in 0..<4 { try exchange(tokenBody(ids, members: members), reporting: 0, in: pool, &scratch) }
    let isRead = members.contains("\"n\"")
    #expect(sink.all.last?.predictedCachedTokens == (isRead ? 192 : 0))
    #expect(exactTokens == (isRead ? 800 : 0))
    #expect(events.resynchronised.isEmpty)
  }

  @Test func ofSeveralPromptsOneAloneIsReported() throws {
    let events = RecordingEvents()
    let pool = pool(events: events)
    var scratch = pool.pipeline.makeScratch()
    try announce(Array(ids[..<192]))
    let list = ids.map(String.init).joined(separator: ",")
    let body = Array(#"{"model": "m", "prompt": [[\#(list)], [\#(list)]]}"#.utf8)
    for _ in 0..<4 { try exchange(body, reporting: 192, promptTokens: 400, in: pool, &scratch) }
    #expect(sink.all.last?.predictedCachedTokens == 384)
    #expect(events.resynchronised.isEmpty)
  }

  @Test func aBurstContradictsNothingWhereWhatWasJustSentDoesNotCount() throws {
    for speculates in [false, true] {
      let events = RecordingEvents()
      let pool = pool(events: events) { $0.speculates = speculates }
      var scratch = pool.pipeline.makeScratch()
      try announce(Array(ids[..<16]))
      for _ in 0..<4 { try exchange(tokenBody(ids), reporting: 192, in: pool, &scratch) }
      #expect(events.resynchronised.isEmpty == !speculates)
    }
  }

  // MARK: - Adapters

  private func loRA(running: [String]) -> EndpointMetrics {
    var engine = EndpointMetrics()
    engine.loRA = LoRAState(maximum: 4, running: running)
    return engine
  }

  @Test func anAdapterThatOnlyTheMetricsNameHoldsNothing() throws {
    let events = RecordingEvents()
    let pool = pool(events: events, source: FixedSource(snapshot(loRA(running: ["a"]))))
    var scratch = pool.pipeline.makeScratch()
    try announce(Array(ids[..<192]))
    for _ in 0..<4 { try exchange(tokenBody(ids, model: "a"), reporting: 0, in: pool, &scratch) }
    #expect(sink.all.last?.predictedCachedTokens == 0)
    #expect(events.resynchronised.isEmpty && exactTokens == 0)
    try announce(Array(ids[..<64]), firstHash: 5_000, loRAName: "a")
    try exchange(tokenBody(ids, model: "a"), reporting: 64, in: pool, &scratch)
    #expect(sink.all.last?.predictedCachedTokens == 64)
    #expect(exactTokens == 200)
  }

  @Test func anAdapterThatNobodyHasNamedContradictsNothing() throws {
    let events = RecordingEvents()
    let pool = pool(events: events, source: FixedSource(snapshot(loRA(running: []))))
    var scratch = pool.pipeline.makeScratch()
    try announce(Array(ids[..<192]))
    for _ in 0..<4 { try exchange(tokenBody(ids, model: "b"), reporting: 0, in: pool, &scratch) }
    #expect(events.resynchronised.isEmpty && exactTokens == 0)
    // Of a block that the prediction may be wrong by nothing follows, whether it was found or not.
    let short = Array(ids[..<16]) + [1, 2, 3]
    for reported in [0, 16, 0, 0] {
      try exchange(tokenBody(short, model: "b"), reporting: reported, promptTokens: 19, in: pool, &scratch)
      #expect(sink.all.last?.predictedCachedTokens == 16)
    }
    #expect(events.resynchronised.isEmpty && exactTokens == 0)
    // The base model proves to be it, and is checked from then on.
    try exchange(tokenBody(ids), reporting: 192, in: pool, &scratch)
    #expect(exactTokens == 0)
    for _ in 0..<2 { try exchange(tokenBody(ids), reporting: 0, in: pool, &scratch) }
    #expect(events.resynchronised == [slot] && exactTokens == 400)
  }

  // MARK: - Token ids that may be wrong

  @Test func anEngineThatCountsOtherTokensMakesThemDistrusted() throws {
    let events = RecordingEvents()
    let source = TestTokenSource(.known(ids))
    let pool = pool(events: events, tokens: source)
    var scratch = pool.pipeline.makeScratch()
    try announce(Array(ids[..<192]))
    try exchange(body(text), reporting: 192, in: pool, &scratch, waits: true)
    #expect(source.invalidations == 0)
    for _ in 0..<2 {
      try exchange(body(text), reporting: 0, promptTokens: 201, in: pool, &scratch, waits: true)
    }
    #expect(source.invalidations == 2)
    #expect(events.resynchronised.isEmpty, "nothing was said of what the engine holds")
  }

  @Test func textsWhoseTokensAreCountedOtherwiseAreMatchedAsTextsForAWhile() throws {
    let source = TestTokenSource(.known(ids))
    let pool = pool(tokens: source)
    var scratch = pool.pipeline.makeScratch()
    try announce(Array(ids[..<192]))
    for _ in 0..<3 {
      try exchange(body(text), reporting: 0, promptTokens: 201, in: pool, &scratch, waits: true)
      #expect(sink.all.last?.promptTokens == 200)
    }
    #expect(source.invalidations == 0, "tokens of this kind never came out right")
    for _ in 0..<3 { try exchange(body(text), reporting: 448, promptTokens: 201, in: pool, &scratch, waits: true) }
    #expect(source.asked.count == 3)
    #expect(sink.all.last?.promptTokens == 500 && sink.all.last?.predictedCachedTokens == 448)
    #expect(page().contains(#"epp_tokens_requests_total{outcome="no_engine"} 3"#))
    // Requests with other members, and those of another model, are still asked about.
    let other = Array(#"{"model": "m", "seed": 1, "prompt": "\#(text)"}"#.utf8)
    for body in [other, body(text, model: "n")] {
      try exchange(body, reporting: 0, in: pool, &scratch, waits: true)
    }
    #expect(source.asked.count == 5)
  }

  @Test func contradictionsMakeRenderedTokensDistrustedAndNoOthers() throws {
    let events = RecordingEvents()
    let source = TestTokenSource(.known(ids))
    let pool = pool(events: events, tokens: source)
    var scratch = pool.pipeline.makeScratch()
    try announce(Array(ids[..<192]))
    for _ in 0..<2 { try exchange(tokenBody(ids), reporting: 0, in: pool, &scratch) }
    #expect(events.resynchronised.count == 1 && source.invalidations == 0)
    for _ in 0..<2 { try exchange(body(text), reporting: 0, in: pool, &scratch, waits: true) }
    #expect(events.resynchronised.count == 2 && source.invalidations == 1)
    // It is known that not all is known.
    index.setAdopting(true, slot)
    for _ in 0..<2 { try exchange(body(text), reporting: 0, in: pool, &scratch, waits: true) }
    #expect(events.resynchronised.count == 3 && source.invalidations == 1)
  }

  // MARK: - What a request leaves

  @Test(arguments: [true, false]) func aRequestThatEndsWithoutAnAnswerDoesNotCountForLong(_ isCut: Bool) throws {
    let pool = pool()
    try announce(Array(ids[..<16]))
    var scratch = pool.pipeline.makeScratch()
    let flight = try #require(try route(tokenBody(ids), in: pool, scratch: &scratch).get().flight)
    if isCut { flight.ended(isComplete: false, now: time(1_010)) } else { flight.responseEnded(now: time(1_010)) }
    index.maintain(now: time(2_009))
    #expect(index.currentStatistics().blocks == 12)
    index.maintain(now: time(2_010))
    #expect(index.currentStatistics().blocks == 1)
  }

  // MARK: - Engines without events

  @Test func inPreciseModeAnEngineWithoutEventsHoldsNothingOfKnownTokens() throws {
    var configuration = RoutingConfiguration.Settings(tokenDeadline: .milliseconds(100))
    configuration.followsEventsAlone = true
    let source = TestTokenSource(.known(ids))
    let pool = RoutedPool(
      configuration: RoutingConfiguration(
        settings: configuration,
        scheduler: Scheduler(
          SchedulerConfiguration.weighted, PluginEnvironment(seed: HashSeed(first: 1, second: 2), metrics: metrics))),
      source: FixedSource(PoolSnapshot(members: Array(members[..<2]))), index: index,
      tokens: source, metrics: metrics,
      decisions: sink,
      clock: { MonotonicTime(nanoseconds: 1_001_500_000) })
    try announce(Array(ids[..<160]))
    var scratch = pool.pipeline.makeScratch()
    func send(waits: Bool, to member: Int) throws -> Int? {
      let only = SubsetHint.only([members[member].destination])
      guard
        case .routed(let routed) = outcome(body(text), subset: only, waits: waits, in: pool, scratch: &scratch)
      else { return nil }
      routed.flight?.ended(isComplete: true, now: time(1_002))
      index.maintain(now: time(1_000_000))
      return sink.all.last?.predictedCachedTokens
    }
    // Nothing is entered there and nothing found, however often.
    for _ in 0..<3 { #expect(try send(waits: true, to: 0) == 0) }
    #expect(try send(waits: true, to: 1) == 160)
    // Without tokens the text answers: the engine with events has it, and the other one from now on.
    #expect(try send(waits: false, to: 1) == 448)
    #expect(try send(waits: false, to: 0) == 0)
    #expect(try send(waits: false, to: 0) == 448)
    // Which does not count again once tokens are known.
    #expect(try send(waits: true, to: 0) == 0)
  }
}
