import EPPCore
import EPPMetrics
import EPPPrefixCache
import EPPScheduling
import EPPTestKit
import Testing

@Suite struct SessionAffinityTests {
  private func id(_ number: Int) -> [(String, String)] { [("x-session-id", "session-\(number)")] }

  // MARK: The wish

  @Test func theWishHasNoOpinionOnASessionThatBegins() throws {
    let router = SessionRouter(scorers: [.wish("session_id")], endpoints: endpoints(5))
    for headers in [[], [("x-session-id", "")], id(1)] {
      router.scheduling.context = RequestContext(
        requestID: "r", headers: RequestHeaders(headers.map { .init(name: $0.0, value: $0.1) }))
      #expect(router.scheduling.scores(router.profile) == [0, 0, 0, 0, 0])
    }
    let home = try #require(router.send(id(1))).endpoint
    _ = router.scheduling.decide(router.profile)
    #expect(router.scheduling.scratch.totals == (0..<5).map { "e\($0)" == home ? 1 : 0 })
  }

  @Test func aSessionThatBeginsGoesWhereTheQueueIsShort() throws {
    // A load-blind opinion would outweigh the queues of four of five endpoints.
    let router = SessionRouter(
      scorers: [.wish("session_id"), .queue],
      endpoints: (0..<5).map { Candidate(name: "e\($0)", waiting: $0 == 3 ? 0 : 50) })
    for number in 0..<50 { #expect(router.send(id(number))?.endpoint == "e3") }
  }

  @Test func withTheWishAsTheOnlyScorerAllSessionsStayAfterTheirFirstRequest() {
    let router = SessionRouter(scorers: [.wish("session_id")], endpoints: endpoints(8))
    let homes = (0..<2_000).map { router.send(id($0))?.endpoint }
    for _ in 0..<2 { for number in 0..<2_000 { #expect(router.send(id(number))?.endpoint == homes[number]) } }
    #expect(Set(homes).count == 8)
    #expect(router.outcomes == [2_000, 4_000, 0])
    #expect(router.count("epp_sessions") == 2_000)
  }

  @Test func aSessionFollowsItsLastRequest() {
    let router = SessionRouter(scorers: [.wish("session_id"), .queue, .queue], endpoints: endpoints(2))
    #expect(router.send(id(1)) != nil)
    for (waiting, home) in [([9, 0], "e1"), ([0, 9], "e0")] {
      router.scheduling = Scheduling(waiting.enumerated().map { Candidate(name: "e\($0)", waiting: $1) })
      #expect(router.send(id(1))?.endpoint == home)
    }
    router.scheduling = Scheduling(endpoints(2))
    #expect(router.send(id(1))?.endpoint == "e0")
  }

  // MARK: The pin

  @Test func withThePinAllRequestsOfTenThousandSessionsStay() {
    let router = SessionRouter(filters: [.pin("session_id")], scorers: [.queue], endpoints: endpoints(8))
    var homes: [String?] = []
    for number in 0..<10_000 { homes.append(router.send(id(number))?.endpoint) }
    var counts: [String: Int] = [:]
    for home in homes { counts[home ?? "none", default: 0] += 1 }
    // An even share is 1,250 with a standard deviation of 33.
    #expect(counts.count == 8 && counts.values.allSatisfy { (1_080...1_420).contains($0) })
    // Whatever the load says.
    router.scheduling = Scheduling((0..<8).map { Candidate(name: "e\($0)", waiting: $0 == 5 ? 0 : 90) })
    for number in 0..<10_000 where router.send(id(number))?.endpoint != homes[number] {
      Issue.record("session \(number) moved")
    }
    #expect(router.outcomes == [10_000, 10_000, 0])
  }

  @Test(arguments: ["session_id", "header", "client_address"])
  func twoProcessesAndARestartedOneAgree(strategy: String) {
    let processes = (0..<3).map { number in
      SessionRouter(
        filters: [.pin(strategy)], scorers: [.queue], endpoints: endpoints(8), seed: UInt64(number),
        // Secrets of processes differ unless they are given.
        hashSeed: HashSeed(first: 0x8C5F_21E9_A04B_37D6 + UInt64(number), second: 0x1D93_E47A_6B08_F25C))
    }
    // The third has slots of its own, because endpoints joined in another order.
    processes[2].scheduling = Scheduling(
      PoolSnapshot(
        members: PoolSnapshot.of(endpoints(8)).members.reversed().enumerated().map { index, member in
          var endpoint = member.endpoint
          endpoint.slot = EndpointSlot(index: index + 20, generation: 9)
          return PoolSnapshot.Member(endpoint: endpoint, metrics: member.metrics, load: member.load, isStale: false)
        }))
    for number in 0..<500 {
      let homes = processes.map { $0.send(id(number), from: "10.1.\(number / 250).\(number % 250)")?.endpoint }
      #expect(homes[0] != nil && homes[0] == homes[1] && homes[0] == homes[2])
    }
  }

  @Test func removingOneOfEightMovesOnlyItsSessions() {
    let router = SessionRouter(filters: [.pin("session_id")], scorers: [.queue], endpoints: endpoints(8))
    let homes = (0..<2_000).map { router.send(id($0))?.endpoint }
    let other = SessionRouter(filters: [.pin("session_id")], scorers: [.queue], endpoints: endpoints(8))
    var members = router.scheduling.snapshot.members
    members.remove(at: 3)
    router.scheduling = Scheduling(PoolSnapshot(members: members))
    other.scheduling = Scheduling(PoolSnapshot(members: members))
    for number in 0..<2_000 {
      let home = router.send(id(number))?.endpoint
      if homes[number] == "e3" { #expect(home != "e3") } else { #expect(home == homes[number]) }
      // A process that knows nothing of the past comes to the same.
      #expect(other.send(id(number))?.endpoint == home)
    }
  }

  @Test func thePinNeverLeavesNone() {
    let router = SessionRouter(
      filters: [.pin("session_id"), .pin("encoded_endpoint_header")], scorers: [.queue], endpoints: endpoints(4))
    var context = RequestContext(requestID: "r", headers: RequestHeaders([.init(name: "x-session-id", value: "s")]))
    let home = router.send(context)?.endpoint
    for hint in (0..<4).map({ SubsetHint.only(["10.0.0.\($0):8000"]) }) {
      context.subset = hint
      #expect(router.send(context) != nil)
    }
    // Back where the last request of the subset went, not where it was placed at first.
    context.subset = .absent
    #expect(router.send(context)?.endpoint == "e3")
    #expect(home != nil)
    // An empty pool is nobody's fault.
    router.scheduling = Scheduling([])
    #expect(router.send(context) == nil)
  }

  @Test func anEndpointThatTookOverASlotIsAnother() {
    let router = SessionRouter(filters: [.pin("session_id")], scorers: [.queue], endpoints: endpoints(2))
    let homes = (0..<20).map { router.send(id($0))?.endpoint }
    let members = router.scheduling.snapshot.members.map { member in
      var endpoint = member.endpoint
      endpoint.slot.generation += 1
      return PoolSnapshot.Member(endpoint: endpoint, metrics: member.metrics, load: member.load, isStale: false)
    }
    router.scheduling = Scheduling(PoolSnapshot(members: members))
    for number in 0..<20 { #expect(router.send(id(number))?.endpoint == homes[number]) }
    #expect(router.outcomes == [20, 0, 20])
  }

  @Test(arguments: [("session_id", 300 as UInt64), ("client_address", 7_200)])
  func aSessionHoldsUntilItsTimeAfterItsLastUse(strategy: String, seconds: UInt64) {
    let router = SessionRouter(scorers: [.wish(strategy)], endpoints: endpoints(2))
    _ = router.send(id(1), from: "10.9.9.9")
    for _ in 0..<3 {
      router.advance(seconds: seconds - 1)
      _ = router.send(id(1), from: "10.9.9.9")
    }
    #expect(router.outcomes == [1, 3, 0])
    router.advance(seconds: seconds + 1)
    #expect(router.count("epp_sessions") == 0)
    _ = router.send(id(1), from: "10.9.9.9")
    #expect(router.outcomes == [2, 3, 0])
  }

  @Test func aSessionFollowsTheEndpointThatServes() {
    let router = SessionRouter(filters: [.pin("session_id")], scorers: [.queue], endpoints: endpoints(4))
    let first = router.send(id(1), servedBy: 3)?.endpoint
    let second = router.send(id(1))?.endpoint
    #expect(second == "e3")
    #expect(first != nil)
  }

  // MARK: Shared sessions

  @Test func wishAndPinWithEqualArgumentsShareTheirSessions() {
    let router = SessionRouter(
      filters: [.pin("session_id")], scorers: [.wish("session_id")], endpoints: endpoints(4))
    _ = router.send(id(1))
    #expect(router.outcomes == [1, 0, 0])
    _ = router.send(id(1))
    // Both are notified, and the request is counted once.
    #expect(router.outcomes == [1, 1, 0])
    #expect(router.count("epp_sessions") == 1)
  }

  @Test func sessionsOutliveAReloadThatTurnsTheWishIntoAPin() {
    let router = SessionRouter(scorers: [.wish("session_id")], endpoints: endpoints(8))
    let homes = (0..<300).map { router.send(id($0))?.endpoint }
    router.reload(filters: [.pin("session_id")], scorers: [.queue])
    for number in 0..<300 { #expect(router.send(id(number))?.endpoint == homes[number]) }
    #expect(router.outcomes == [300, 300, 0])
    // The same by another spelling.
    router.reload(filters: [.pin("header") { $0[SessionParameters.header] = "x-chat" }], scorers: [.queue])
    _ = router.send([("x-chat", "1")])
    #expect(router.outcomes == [301, 300, 0])
    router.reload(
      filters: [
        .pin("session_id") {
          var source = PluginArguments()
          source[SessionParameters.header] = "x-chat"
          var nested = PluginArguments()
          nested[SessionParameters.sources] = [source]
          $0[SessionParameters.sessionID] = nested
        }
      ], scorers: [.queue])
    _ = router.send([("x-chat", "1")])
    #expect(router.outcomes == [301, 301, 0])
  }

  @Test func othersSessionsAreNotShared() {
    let router = SessionRouter(scorers: [.wish("session_id")], endpoints: endpoints(8))
    _ = router.send(id(1))
    // Another time to live, and another process.
    router.reload(scorers: [.wish("session_id") { $0[SessionParameters.timeToLive] = 60 }])
    _ = router.send(id(1))
    #expect(router.outcomes == [2, 0, 0])
    router.reload(scorers: [.wish("session_id")])
    // Nobody used the first one meanwhile, so its memory is free.
    _ = router.send(id(1))
    #expect(router.outcomes == [3, 0, 0])
  }

  @Test func aProfilesChangeOfWeightsKeepsItsSessions() {
    let environment = PluginEnvironment(seed: Scheduling.seed, metrics: PickerMetrics())
    let old = Scheduler(ProfileConfiguration.weighted, environment)
    var configuration = ProfileConfiguration.weighted
    for index in configuration.scorers.indices { configuration.scorers[index].weight += 1 }
    let new = Scheduler(configuration, environment, replacing: old)
    let scheduling = Scheduling(endpoints(2))
    scheduling.context = RequestContext(
      requestID: "r", headers: RequestHeaders([.init(name: "x-session-id", value: "s")]))
    let pick = PickedRequest(
      request: scheduling.request, context: scheduling.context, endpoint: scheduling.snapshot.members[1].endpoint,
      now: scheduling.now)
    _ = old.picked(pick)
    let affinity = new.configuration.profile.scorers.firstIndex { $0.plugin == .sessionAffinity }
    #expect(affinity != nil)
    #expect(scheduling.decide(new)?.picks == [1])
  }

  // MARK: Client addresses

  @Test func theGatewaysWordForTheAddressComesFirst() {
    let router = SessionRouter(scorers: [.wish("client_address")], endpoints: endpoints(2))
    func send(_ address: String?, _ forwarded: [String]) -> [Double] {
      let before = router.outcomes
      _ = router.send(forwarded.map { ("x-forwarded-for", $0) }, from: address)
      return zip(router.outcomes, before).map { $0 - $1 }
    }
    let (none, new, kept) = ([0.0, 0, 0], [1.0, 0, 0], [0.0, 1, 0])
    #expect(send(nil, []) == none)
    #expect(send("10.9.9.9", ["1.1.1.1"]) == new)
    #expect(send("10.9.9.9", ["2.2.2.2"]) == kept)
    #expect(send(nil, ["1.1.1.1"]) == new)
    // What stands before the trusted hop is the client's own invention.
    #expect(send(nil, ["6.6.6.6, 1.1.1.1"]) == kept)
    #expect(send(nil, ["6.6.6.6", "7.7.7.7 ,  1.1.1.1 "]) == kept)
    #expect(send(nil, ["1.1.1.1, 6.6.6.6"]) == new)
    // The port changes with every connection.
    #expect(send(nil, ["1.1.1.1:51234"]) == kept)
    #expect(send(nil, ["2001:db8::1"]) == new)
    #expect(send(nil, ["[2001:db8::1]:443"]) == kept)
    #expect(send(nil, [" , "]) == none)
  }

  @Test func trustedHopsAreCountedFromTheRight() {
    let router = SessionRouter(scorers: [.sessionAffinity(trustedHops: 2)], endpoints: endpoints(2))
    _ = router.send([("x-forwarded-for", "1.1.1.1, 10.0.0.1")])
    _ = router.send([("x-forwarded-for", "5.5.5.5, 1.1.1.1, 10.0.0.2")])
    _ = router.send([("x-forwarded-for", "10.0.0.1")])
    #expect(router.outcomes == [1, 1, 0])
  }

  /// In the default profile queues, caches and prefixes can outweigh a session. The share of requests that stay with it depends on
  /// the load alone, so it is written down here and in README, and no value is demanded: 78 % where the loads of 8 endpoints
  /// are drawn anew for each request.
  @Test func theShareThatStaysInTheDefaultProfileIsToldOnly() {
    var generator = SeededGenerator(seed: 11)
    let scheduler = Scheduler(ProfileConfiguration.weighted, PluginEnvironment(seed: SessionRouter.hashSeed))
    var homes: [Int: Int] = [:]
    var (kept, all) = (0, 0)
    for number in 0..<10_000 {
      let session = number % 1000
      let scheduling = Scheduling(
        (0..<8).map {
          Candidate(
            name: "e\($0)", waiting: .random(in: 0...4, using: &generator),
            usage: .random(in: 0...0.7, using: &generator))
        }, seed: generator.next())
      scheduling.context = RequestContext(
        requestID: "r", headers: RequestHeaders([.init(name: "x-session-id", value: "s\(session)")]))
      guard let pick = scheduling.decide(scheduler)?.picks.first else { continue }
      if let home = homes[session] { (kept, all) = (kept + (home == pick ? 1 : 0), all + 1) }
      homes[session] = pick
      scheduling.pick(scheduler, pick)
    }
    print("requests that stayed with their session: \(kept) of \(all)")
    #expect(all == 9000)
  }
}
