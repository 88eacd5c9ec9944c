import EPPCore
import EPPMetrics
import EPPPrefixCache
import EPPScheduling
import EPPTestKit
import Testing

@Suite struct SessionAffinityTests {
  private var pool: [Candidate] { (0..<5).map { Candidate(name: "e\($0)") } }

  private func profile(
    _ plugin: ConfiguredPlugin = .sessionAffinity, seed: HashSeed = Scheduling.seed, metrics: PickerMetrics? = nil
  ) -> SchedulingProfile {
    SchedulingProfile(
      ProfileConfiguration(scorers: [ProfileConfiguration.WeightedScorer(plugin, weight: 1)]),
      PluginEnvironment(seed: seed, metrics: metrics))
  }

  /// A request goes to a slot; what is counted of it, nil when nothing is.
  private func bind(
    _ context: RequestContext, to slot: EndpointSlot, now: MonotonicTime = MonotonicTime(nanoseconds: 0),
    _ profile: SchedulingProfile, _ metrics: PickerMetrics = PickerMetrics()
  ) -> SessionTable.Outcome? {
    let counters = metrics.sessionAffinity
    let before = [counters.new.value, counters.kept.value, counters.moved.value]
    let endpoint = Endpoint(name: "e", address: EndpointAddress(host: "10.0.0.1", port: 8000), slot: slot)
    _ = profile.picked(
      PickedRequest(request: InferenceRequest(api: .completions), context: context, endpoint: endpoint, now: now))
    let after = [counters.new.value, counters.kept.value, counters.moved.value]
    let outcomes: [SessionTable.Outcome] = [.new, .kept, .moved]
    return outcomes.indices.first { before[$0] != after[$0] }.map { outcomes[$0] }
  }

  private func context(_ id: String?, header: String = "x-session-id") -> RequestContext {
    RequestContext(
      requestID: "r",
      headers: RequestHeaders(id.map { [RequestHeaders.Field(name: header, value: $0)] } ?? []))
  }

  @Test func theNumberOfSessionsIsToldAndOutlivesOtherWeights() throws {
    let environment = PluginEnvironment(seed: Scheduling.seed)
    let first = SchedulingProfile(.weighted, environment)
    for id in ["alice", "robert", "alice"] { _ = bind(context(id), to: EndpointSlot(index: 0, generation: 1), first) }
    let changed = try WeightChange.applied(["session-affinity-scorer": 9], to: [.weighted])
    let second = SchedulingProfile(changed[0], environment, replacing: first)
    let other = SchedulingProfile(changed[0], environment)
    for (profile, sessions) in [(first, 2), (second, 2), (other, 0)] {
      // Other plugins remember nothing, and tell nothing.
      #expect(profile.stateReporters.map(\.name) == ["session-affinity-scorer"])
      let report = profile.stateReporters.first?.reporter.stateReport() as? SessionTableReport
      #expect(report == SessionTableReport(sessions: sessions))
    }
  }

  @Test func aRequestWithoutASessionGetsNoOpinion() {
    let scheduling = Scheduling(pool)
    let profile = profile()
    for id in [nil, ""] as [String?] {
      scheduling.context = context(id)
      #expect(scheduling.scores(profile) == [0, 0, 0, 0, 0])
      let metrics = PickerMetrics()
      let counted = self.profile(metrics: metrics)
      #expect(bind(scheduling.context, to: EndpointSlot(index: 0, generation: 1), counted, metrics) == nil)
    }
  }

  @Test func aSessionStaysWhereItsLastRequestWent() {
    let scheduling = Scheduling(pool)
    let profile = profile()
    scheduling.context = context("abc")
    for endpoint in [3, 1] {
      let slot = scheduling.snapshot.members[endpoint].endpoint.slot
      _ = bind(scheduling.context, to: slot, now: scheduling.now, profile)
      #expect(scheduling.scores(profile) == (0..<5).map { $0 == endpoint ? 1 : 0 })
    }
  }

  @Test func outcomesAreToldAfterThePick() {
    let metrics = PickerMetrics()
    let profile = profile(metrics: metrics)
    let slots = (0..<2).map { EndpointSlot(index: $0, generation: 1) }
    #expect(bind(context("abc"), to: slots[0], profile, metrics) == .new)
    #expect(bind(context("abc"), to: slots[0], profile, metrics) == .kept)
    #expect(bind(context("abc"), to: slots[1], profile, metrics) == .moved)
    #expect(bind(context("abd"), to: slots[1], profile, metrics) == .new)
  }

  @Test func newSessionsArePlacedAlikeByEveryReplicaAndEvenlyOverThePool() {
    let scheduling = Scheduling(pool)
    let here = profile()
    let there = profile(seed: HashSeed(first: 77, second: 78))
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
      let profile = profile()
      #expect(first.scores(profile) == Array(second.scores(profile).reversed()))
    }
  }

  @Test func onlySessionsOfAnEndpointThatLeftArePlacedAnew() {
    let all = Scheduling(pool)
    let fewer = Scheduling(PoolSnapshot(members: Array(PoolSnapshot.of(pool).members.dropLast())))
    let profile = profile()
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
    let profile = profile()
    scheduling.context = context("abc")
    _ = bind(scheduling.context, to: scheduling.snapshot.members[2].endpoint.slot, now: scheduling.now, profile)
    scheduling.context.subset = .only(["10.0.0.0:8000", "10.0.0.4:8000"])
    #expect(scheduling.scores(profile).sorted() == [0, 1])
    // An endpoint that had the slot before is another endpoint.
    scheduling.context.subset = .absent
    _ = bind(scheduling.context, to: EndpointSlot(index: 2, generation: 0), now: scheduling.now, profile)
    #expect(scheduling.scores(profile).reduce(0, +) == 1)
  }

  @Test func anotherHeaderCanHoldTheSession() {
    let scheduling = Scheduling(pool)
    let profile = profile(.sessionAffinity(header: "x-chat-id"))
    scheduling.context = context("abc", header: "x-chat-id")
    #expect(scheduling.scores(profile).reduce(0, +) == 1)
  }

  @Test func theGatewaysWordForTheAddressComesFirst() {
    let metrics = PickerMetrics()
    let profile = profile(.sessionAffinity(trustedHops: 1), metrics: metrics)
    let slot = EndpointSlot(index: 0, generation: 1)
    func bind(_ address: String?, _ forwarded: [String]) -> SessionTable.Outcome? {
      let fields = forwarded.map { RequestHeaders.Field(name: "x-forwarded-for", value: $0) }
      return self.bind(
        RequestContext(requestID: "r", headers: RequestHeaders(fields), sourceAddress: address), to: slot, profile,
        metrics)
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
    let metrics = PickerMetrics()
    let profile = profile(.sessionAffinity(trustedHops: 2), metrics: metrics)
    let slot = EndpointSlot(index: 0, generation: 1)
    func bind(_ forwarded: String) -> SessionTable.Outcome? {
      self.bind(
        RequestContext(
          requestID: "r", headers: RequestHeaders([RequestHeaders.Field(name: "x-forwarded-for", value: forwarded)])),
        to: slot, profile, metrics)
    }
    #expect(bind("1.1.1.1, 10.0.0.1") == .new)
    #expect(bind("5.5.5.5, 1.1.1.1, 10.0.0.2") == .kept)
    #expect(bind("10.0.0.1") == nil)
  }

  @Test func sessionsOutliveAChangeOfWeights() {
    let metrics = PickerMetrics()
    let environment = PluginEnvironment(seed: Scheduling.seed, metrics: metrics)
    let old = SchedulingProfile(.weighted, environment)
    let slot = EndpointSlot(index: 1, generation: 1)
    #expect(bind(context("abc"), to: slot, old, metrics) == .new)
    var configuration = ProfileConfiguration.weighted
    for index in configuration.scorers.indices { configuration.scorers[index].weight += 1 }
    let new = SchedulingProfile(configuration, environment, replacing: old)
    #expect(bind(context("abc"), to: slot, new, metrics) == .kept)
    // Without a predecessor, with other arguments or with another secret nothing is known.
    #expect(bind(context("abc"), to: slot, SchedulingProfile(configuration, environment), metrics) == .new)
    var changed = configuration
    changed.scorers = [.init(.sessionAffinity(header: "x-session-id"), weight: 1)]
    #expect(bind(context("abc"), to: slot, SchedulingProfile(changed, environment, replacing: new), metrics) == .new)
    let other = PluginEnvironment(seed: HashSeed(first: 3, second: 4), metrics: metrics)
    #expect(bind(context("abc"), to: slot, SchedulingProfile(configuration, other, replacing: new), metrics) == .new)
  }
}
