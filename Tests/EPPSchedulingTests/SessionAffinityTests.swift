import EPPCore
import EPPPrefixCache
import EPPScheduling
import Testing

@Suite struct SessionAffinityTests {
  private var pool: [Candidate] { (0..<5).map { Candidate(name: "e\($0)") } }

  private func profile(_ strategy: SessionAffinityParameters.Strategy, seed: HashSeed = Scheduling.seed)
    -> SchedulingProfile
  {
    var parameters = SessionAffinityParameters()
    parameters.strategy = strategy
    return SchedulingProfile(
      ProfileConfiguration(
        scorers: [ProfileConfiguration.WeightedScorer(.sessionAffinity(parameters), weight: 1)],
        picker: .maximumScore(maximumEndpoints: 1)), seed: seed)
  }

  private func context(_ id: String?, header: String = "x-session-id") -> RequestContext {
    RequestContext(
      requestID: "r",
      headers: RequestHeaders(id.map { [RequestHeaders.Field(name: header, value: $0)] } ?? []))
  }

  @Test func aRequestWithoutASessionGetsNoOpinion() {
    let scheduling = Scheduling(pool)
    let profile = profile(.header("x-session-id"))
    for id in [nil, ""] as [String?] {
      scheduling.context = context(id)
      #expect(scheduling.scores(profile) == [0, 0, 0, 0, 0])
      #expect(
        profile.bindSession(scheduling.context, to: EndpointSlot(index: 0, generation: 1), now: scheduling.now) == nil)
    }
  }

  @Test func aSessionStaysWhereItsLastRequestWent() {
    let scheduling = Scheduling(pool)
    let profile = profile(.header("x-session-id"))
    scheduling.context = context("abc")
    for endpoint in [3, 1] {
      let slot = scheduling.snapshot.members[endpoint].endpoint.slot
      _ = profile.bindSession(scheduling.context, to: slot, now: scheduling.now)
      #expect(scheduling.scores(profile) == (0..<5).map { $0 == endpoint ? 1 : 0 })
    }
  }

  @Test func outcomesAreToldAfterThePick() {
    let profile = profile(.header("x-session-id"))
    let now = MonotonicTime(nanoseconds: 0)
    let slots = (0..<2).map { EndpointSlot(index: $0, generation: 1) }
    #expect(profile.bindSession(context("abc"), to: slots[0], now: now) == .new)
    #expect(profile.bindSession(context("abc"), to: slots[0], now: now) == .kept)
    #expect(profile.bindSession(context("abc"), to: slots[1], now: now) == .moved)
    #expect(profile.bindSession(context("abd"), to: slots[1], now: now) == .new)
  }

  @Test func newSessionsArePlacedAlikeByEveryReplicaAndEvenlyOverThePool() {
    let scheduling = Scheduling(pool)
    let here = profile(.header("x-session-id"))
    let there = profile(.header("x-session-id"), seed: HashSeed(first: 77, second: 78))
    var counts = Array(repeating: 0.0, count: 5)
    for number in 0..<2_000 {
      scheduling.context = context("session-\(number)")
      let scores = scheduling.scores(here)
      #expect(scores.reduce(0, +) == 1)
      #expect(scores == scheduling.scores(there))
      for index in scores.indices { counts[index] += scores[index] }
    }
    // An even share is 400 with a standard deviation of 18.
    #expect(counts.allSatisfy { (310...490).contains($0) })
  }

  @Test func placementKnowsAddressesAndNotSlots() {
    let endpoints = pool
    let snapshot = PoolSnapshot.of(endpoints)
    let reversed = PoolSnapshot(
      members: snapshot.members.reversed().enumerated().map { index, member in
        var endpoint = member.endpoint
        endpoint.slot = EndpointSlot(index: index + 20, generation: 9)
        return PoolSnapshot.Member(
          endpoint: endpoint, metrics: member.metrics, load: member.load, isStale: false)
      })
    let first = Scheduling(snapshot)
    let second = Scheduling(reversed)
    for number in 0..<50 {
      first.context = context("s\(number)")
      second.context = first.context
      let profile = profile(.header("x-session-id"))
      #expect(first.scores(profile) == Array(second.scores(profile).reversed()))
    }
  }

  @Test func onlySessionsOfAnEndpointThatLeftArePlacedAnew() {
    let all = Scheduling(pool)
    let fewer = Scheduling(PoolSnapshot(members: Array(PoolSnapshot.of(pool).members.dropLast())))
    let profile = profile(.header("x-session-id"))
    for number in 0..<300 {
      all.context = context("s\(number)")
      fewer.context = all.context
      let before = all.scores(profile).firstIndex(of: 1)
      let after = fewer.scores(profile).firstIndex(of: 1)
      #expect(before == 4 || before == after)
    }
  }

  @Test func aSessionWhoseEndpointIsNoCandidateIsPlacedAmongTheOthers() {
    let scheduling = Scheduling(pool)
    let profile = profile(.header("x-session-id"))
    scheduling.context = context("abc")
    _ = profile.bindSession(scheduling.context, to: scheduling.snapshot.members[2].endpoint.slot, now: scheduling.now)
    scheduling.context.subset = .only(["10.0.0.0:8000", "10.0.0.4:8000"])
    #expect(scheduling.scores(profile).sorted() == [0, 1])
    // An earlier tenant of the slot is another endpoint.
    scheduling.context.subset = .absent
    _ = profile.bindSession(scheduling.context, to: EndpointSlot(index: 2, generation: 0), now: scheduling.now)
    #expect(scheduling.scores(profile).reduce(0, +) == 1)
  }

  @Test func headersAreFoundHoweverTheConfigurationWritesThem() {
    let scheduling = Scheduling(pool)
    let profile = profile(.header("X-Chat-ID"))
    scheduling.context = context("abc", header: "x-chat-id")
    #expect(scheduling.scores(profile).reduce(0, +) == 1)
  }

  @Test func theGatewaysWordForTheAddressComesFirst() {
    let strategy = SessionAffinityParameters.Strategy.clientAddress(trustedHops: 1)
    let profile = profile(strategy)
    let now = MonotonicTime(nanoseconds: 0)
    let slot = EndpointSlot(index: 0, generation: 1)
    func bind(_ address: String?, _ forwarded: [String]) -> SessionTable.Outcome? {
      let fields = forwarded.map { RequestHeaders.Field(name: "x-forwarded-for", value: $0) }
      return profile.bindSession(
        RequestContext(requestID: "r", headers: RequestHeaders(fields), sourceAddress: address), to: slot, now: now)
    }
    #expect(bind(nil, []) == nil)
    #expect(bind("10.9.9.9", ["1.1.1.1"]) == .new)
    #expect(bind("10.9.9.9", ["2.2.2.2"]) == .kept)
    #expect(bind(nil, ["1.1.1.1"]) == .new)
    // What stands before the trusted hop is the client's own invention.
    #expect(bind(nil, ["6.6.6.6, 1.1.1.1"]) == .kept)
    #expect(bind(nil, ["6.6.6.6", "7.7.7.7 ,  1.1.1.1 "]) == .kept)
    #expect(bind(nil, ["1.1.1.1, 6.6.6.6"]) == .new)
    // The port changes with every connection.
    #expect(bind(nil, ["1.1.1.1:51234"]) == .kept)
    #expect(bind(nil, ["2001:db8::1"]) == .new)
    #expect(bind(nil, ["[2001:db8::1]:443"]) == .kept)
    #expect(bind(nil, [" , "]) == nil)
  }

  @Test func trustedHopsAreCountedFromTheRight() {
    let profile = profile(.clientAddress(trustedHops: 2))
    let now = MonotonicTime(nanoseconds: 0)
    let slot = EndpointSlot(index: 0, generation: 1)
    func bind(_ forwarded: String) -> SessionTable.Outcome? {
      profile.bindSession(
        RequestContext(
          requestID: "r", headers: RequestHeaders([RequestHeaders.Field(name: "x-forwarded-for", value: forwarded)])),
        to: slot, now: now)
    }
    #expect(bind("1.1.1.1, 10.0.0.1") == .new)
    #expect(bind("5.5.5.5, 1.1.1.1, 10.0.0.2") == .kept)
    #expect(bind("10.0.0.1") == nil)
  }

  @Test func sessionsOutliveAChangeOfWeights() {
    let old = SchedulingProfile(.weighted, seed: Scheduling.seed)
    let slot = EndpointSlot(index: 1, generation: 1)
    let now = MonotonicTime(nanoseconds: 0)
    _ = old.bindSession(context("abc"), to: slot, now: now)
    var configuration = ProfileConfiguration.weighted
    for index in configuration.scorers.indices { configuration.scorers[index].weight += 1 }
    let new = SchedulingProfile(configuration, seed: Scheduling.seed, replacing: old)
    #expect(new.bindSession(context("abc"), to: slot, now: now) == .kept)
    #expect(
      SchedulingProfile(configuration, seed: Scheduling.seed).bindSession(context("abc"), to: slot, now: now) == .new)
  }
}
