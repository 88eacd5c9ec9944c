import EPPCore
import EPPPrefixCache
import EPPTestKit
import Testing

@testable import EPPScheduling

/// Data producers: what they say of requests, and what they learn from picks.
@Suite struct DataProducerTests {
  private static let endpoints = ["a", "b", "c"].map { Candidate(name: $0) }

  /// A profile of one scorer that reads a producer.
  private func scheduler(
    _ scorer: ConfiguredPlugin, _ producers: [ConfiguredPlugin], views: [String: PrefixView] = [:]
  ) -> Scheduler {
    var configuration = SchedulerConfiguration(
      ProfileConfiguration(scorers: [.init(scorer, weight: 1)], picker: .maximumScore(maximumEndpoints: 1)))
    configuration.referenced = producers
    return Scheduler(configuration, PluginEnvironment(seed: Scheduling.seed, prefixViews: views))
  }

  private func prefixScorer(reading producer: String) -> ConfiguredPlugin {
    ConfiguredPlugin(PrefixCacheScorer.descriptor, PrefixCacheScorer.producer, producer)
  }

  /// A prompt of blocks of 64 tokens, each of one letter.
  private func setPrompt(_ letters: String, _ scheduling: Scheduling) {
    var prompt = CanonicalPrompt()
    for letter in letters.utf8 { prompt.bytes += [UInt8](repeating: letter, count: 256) }
    prompt.prompts = [0..<prompt.bytes.count]
    scheduling.request.promptTokens = 64 * letters.utf8.count
    scheduling.query.begin(
      for: prompt, request: scheduling.request, hasher: BlockHasher(seed: Scheduling.seed), maximumTokens: .max,
      blockTokens: 64)
  }

  // MARK: Media

  private func media(_ digests: UInt64...) -> [MediaItem] {
    digests.map { MediaItem(digest: $0, modality: .image) }
  }

  @Test func anEndpointIsPreferredByTheShareOfItemsThatItHasEncoded() {
    let scheduler = scheduler(
      ConfiguredPlugin(EncoderCacheScorer.descriptor), [ConfiguredPlugin(EncoderCache.descriptor)])
    let scheduling = Scheduling(Self.endpoints)
    scheduling.request.media = media(1, 2)
    #expect(scheduling.scores(scheduler) == [0, 0, 0])
    scheduling.pick(scheduler, 1)
    #expect(scheduling.scores(scheduler) == [0, 1, 0])
    scheduling.request.media = media(2, 3, 4, 5)
    #expect(scheduling.scores(scheduler) == [0, 0.25, 0])
    scheduling.request.media = []
    #expect(scheduling.scores(scheduler) == [0, 0, 0])
  }

  @Test func embeddingsAreWhereTheEncoderRuns() {
    let scheduler = scheduler(
      ConfiguredPlugin(EncoderCacheScorer.descriptor), [ConfiguredPlugin(EncoderCache.descriptor)])
    let scheduling = Scheduling(Self.endpoints)
    scheduling.request.media = media(1)
    let members = scheduling.snapshot.members
    scheduling.pick(
      scheduler, 0,
      [
        .init(stage: .prefill, endpoint: members[1].endpoint, isCold: true),
        .init(stage: .encode, endpoint: members[2].endpoint, isCold: true),
      ])
    #expect(scheduling.scores(scheduler) == [0, 0, 1])
  }

  @Test func itemsBeyondTheSizeOfTheCacheAreForgottenOldestFirst() {
    var arguments = PluginArguments()
    arguments.set("cacheSizeInMBPerServer", .integer(4))
    let scheduler = scheduler(
      ConfiguredPlugin(EncoderCacheScorer.descriptor),
      [ConfiguredPlugin(EncoderCache.descriptor, arguments: arguments)])
    let scheduling = Scheduling(Self.endpoints)
    for digest in UInt64(1)...3 {
      scheduling.request.media = media(digest)
      scheduling.pick(scheduler, 0)
    }
    scheduling.request.media = media(1, 2, 3, 3)
    #expect(scheduling.scores(scheduler) == [0.75, 0, 0])
  }

  // MARK: Bursts

  @Test func requestsWithEqualPromptsFollowTheFirst() {
    let name = BurstProducer.descriptor.type
    let scheduler = scheduler(prefixScorer(reading: name), [ConfiguredPlugin(BurstProducer.descriptor)])
    let scheduling = Scheduling(Self.endpoints)
    setPrompt("xy", scheduling)
    #expect(scheduling.scores(scheduler) == [0, 0, 0])
    scheduling.pick(scheduler, 2)
    #expect(scheduling.scores(scheduler) == [0, 0, 1])
    setPrompt("xz", scheduling)
    #expect(scheduling.scores(scheduler) == [0, 0, 0])
    setPrompt("xy", scheduling)
    scheduling.now = scheduling.now.advanced(by: .milliseconds(101))
    #expect(scheduling.scores(scheduler) == [0, 0, 0])
  }

  // MARK: Indexes of their own

  @Test func aSmallIndexForgetsWhatALargeOneRemembers() throws {
    let name = "small"
    var arguments = PluginArguments()
    arguments.set("lruCapacityPerServer", .integer(2))
    arguments.set("autoTune", .boolean(false))
    let scheduler = scheduler(
      prefixScorer(reading: name), [ConfiguredPlugin(PrefixSettings.descriptor, name: name, arguments: arguments)],
      views: [name: PrefixView(.ownIndex)])
    let scheduling = Scheduling(Self.endpoints)
    setPrompt("xy", scheduling)
    let effects = scheduling.pick(scheduler, 1)
    #expect(scheduling.scores(scheduler) == [0, 1, 0])
    // Another endpoint has served it.
    var answer = AnswerStart(
      status: 200, served: scheduling.snapshot.members[2].endpoint.slot, servedAddress: "10.0.0.2:8000",
      now: scheduling.now)
    try #require(effects.followers.first).responseStarted(&answer)
    #expect(scheduling.scores(scheduler) == [0, 0, 1])
    setPrompt("pq", scheduling)
    scheduling.pick(scheduler, 2)
    for producer in scheduler.producers { producer.upkeep(scheduling.snapshot, now: scheduling.now) }
    setPrompt("xy", scheduling)
    #expect(scheduling.scores(scheduler) == [0, 0, 0])
  }

  // MARK: Peers

  @Test func thePeerThatHoldsMostIsNamed() {
    let scheduler = scheduler(.prefixCache, [ConfiguredPlugin(PeerSource.descriptor)])
    let scheduling = Scheduling(Self.endpoints)
    scheduling.hold([3, 8, 0], of: 10)
    #expect(scheduling.decide(scheduler) != nil)
    let header = RequestHeaders.Field(name: HeaderName.kvCacheSourceHostPort, value: "10.0.0.1:8000")
    #expect(scheduling.pick(scheduler, 0).requestHeaders == [header])
    #expect(scheduling.pick(scheduler, 1).requestHeaders.isEmpty)
    let prefill = PickedRequest.StagePick(
      stage: .prefill, endpoint: scheduling.snapshot.members[2].endpoint, isCold: true)
    #expect(scheduling.pick(scheduler, 1, [prefill]).requestHeaders == [header])
  }

  @Test func aSmallAdvantageNamesNoPeer() {
    var arguments = PluginArguments()
    arguments.set("minCachedTokenDelta", .integer(81))
    let scheduler = scheduler(.prefixCache, [ConfiguredPlugin(PeerSource.descriptor, arguments: arguments)])
    let scheduling = Scheduling(Self.endpoints)
    scheduling.hold([3, 8, 0], of: 10)
    #expect(scheduling.decide(scheduler) != nil)
    #expect(scheduling.pick(scheduler, 0).requestHeaders.isEmpty)
    #expect(scheduling.pick(scheduler, 2).requestHeaders.count == 1)
  }

  @Test func peersThatHoldEquallyMuchAreNamedByTheirQueues() {
    var candidates = Self.endpoints
    candidates[1].waiting = 3
    let scheduler = scheduler(.prefixCache, [ConfiguredPlugin(PeerSource.descriptor)])
    let scheduling = Scheduling(candidates)
    scheduling.hold([5, 5, 0], of: 10)
    var named: [String: Int] = [:]
    for _ in 0..<1000 {
      #expect(scheduling.decide(scheduler) != nil)
      for header in scheduling.pick(scheduler, 2).requestHeaders { named[header.value, default: 0] += 1 }
    }
    // Chances of 1 and 1/4: 800 of 1,000, with a standard deviation of 13.
    #expect((740...860).contains(named["10.0.0.0:8000"] ?? 0))
    #expect(named.values.reduce(0, +) == 1000)
  }
}

/// Groups of requests with equal prompts.
@Suite struct PromptBurstTests {
  private let slots = (0..<3).map { EndpointSlot(index: $0, generation: 1) }
  private let start = MonotonicTime(nanoseconds: 1)

  private func bursts(perEndpoint: Int? = nil, groups: Int = 100, countsTokens: Bool = false) -> PromptBursts {
    PromptBursts(
      PromptBursts.Limits(
        window: .milliseconds(100), membersPerEndpoint: perEndpoint, groups: groups,
        countsTokens: countsTokens))
  }

  private func prompt(_ whole: UInt64, leading: UInt64? = nil, tokens: Int = 100) -> PromptBursts.Prompt {
    PromptBursts.Prompt(
      whole: BlockKey(rawValue: whole << 12), leading: leading.map { BlockKey(rawValue: $0 << 12) }, tokens: tokens)
  }

  @Test func aFullEndpointIsFollowedByTheLeastBusy() {
    var bursts = bursts(perEndpoint: 2)
    var picks: [Int] = []
    bursts.note(prompt(1), at: slots[0], now: start)
    bursts.note(prompt(2), at: slots[1], now: start)
    for _ in 0..<4 {
      let slot = bursts.assignment(of: prompt(1), among: slots, now: start) ?? slots[0]
      picks.append(slot.index)
      bursts.note(prompt(1), at: slot, now: start)
    }
    #expect(picks == [0, 2, 2, 1])
  }

  @Test func groupsThatBeginAlikeStayTogetherUpToTheirShare() {
    var bursts = bursts()
    #expect(bursts.assignment(of: prompt(1, leading: 9), among: slots, now: start) == nil)
    bursts.note(prompt(1, leading: 9), at: slots[0], now: start)
    // One of one request is more than a third.
    #expect(bursts.assignment(of: prompt(2, leading: 9), among: slots, now: start) == nil)
    bursts.note(prompt(3), at: slots[1], now: start)
    bursts.note(prompt(4), at: slots[2], now: start)
    #expect(bursts.assignment(of: prompt(2, leading: 9), among: slots, now: start) == slots[0])
    #expect(bursts.assignment(of: prompt(2, leading: 8), among: slots, now: start) == nil)
  }

  @Test func aGroupEndsWithItsWindowAndTakesItsWorkAlong() {
    var bursts = bursts(countsTokens: true)
    bursts.note(prompt(1, tokens: 5000), at: slots[0], now: start)
    let later = start.advanced(by: .milliseconds(90))
    bursts.note(prompt(1, tokens: 5000), at: slots[0], now: later)
    let end = start.advanced(by: .milliseconds(180))
    #expect(bursts.assignment(of: prompt(1), among: slots, now: end) == slots[0])
    #expect(bursts.assignment(of: prompt(1), among: slots, now: end.advanced(by: .milliseconds(11))) == nil)
    #expect(bursts.count == 0)
  }

  @Test func theNumberOfGroupsIsBounded() {
    var bursts = bursts(groups: 3)
    for number in UInt64(1)...10 { bursts.note(prompt(number), at: slots[0], now: start) }
    #expect(bursts.count == 3)
    #expect(bursts.assignment(of: prompt(7), among: slots, now: start) == nil)
    #expect(bursts.assignment(of: prompt(8), among: slots, now: start) == slots[0])
  }

  @Test func anEndpointThatIsNoCandidateIsReplaced() {
    var bursts = bursts()
    bursts.note(prompt(1), at: slots[0], now: start)
    #expect(bursts.assignment(of: prompt(1), among: [slots[1]], now: start) == slots[1])
    #expect(bursts.assignment(of: prompt(1), among: [], now: start) == nil)
  }
}

/// The most recently used elements.
@Suite struct RecentSetTests {
  @Test func theOldestUseIsForgotten() {
    var set = RecentSet<Int>(maximum: 2)
    for element in [1, 2, 1, 3] { set.use(element) }
    #expect([1, 2, 3].filter(set.contains) == [1, 3])
    #expect(set.size == 2)
  }

  @Test func repeatedUsesTakeNoMemory() {
    var set = RecentSet<Int>(maximum: 4)
    for number in 0..<10_000 { set.use(number % 3) }
    #expect(set.size == 3)
    #expect(set.order.count <= 2 * 4 + 17)
  }
}
