import EPPCore
import Testing

/// An endpoint's load at the moment of a pick: its page, and what the page cannot show.
@Suite struct CandidateLoadTests {
  private func member(
    _ index: Int, generation: UInt32 = 0, _ metrics: EndpointMetrics = EndpointMetrics(),
    _ load: EndpointLoad = EndpointLoad(),
    isStale: Bool = false
  ) -> PoolSnapshot.Member {
    let endpoint = Endpoint(
      name: "e\(index)", address: EndpointAddress(host: "10.0.0.\(index)", port: 8000),
      slot: EndpointSlot(index: index, generation: generation))
    return PoolSnapshot.Member(endpoint: endpoint, metrics: metrics, load: load, isStale: isStale)
  }

  private func loads(_ snapshot: PoolSnapshot) -> [CandidateLoad] {
    let members = snapshot.loads
    return members.indices.map { MemberLoad.reading(of: $0, in: members.span) }
  }

  /// Of a member that is alone in its pool.
  private func load(_ member: PoolSnapshot.Member) -> CandidateLoad {
    loads(PoolSnapshot(members: [member]))[0]
  }

  /// What a page does not say is neither nothing nor all: the mean of the others and what was sent there.
  @Test func aNumberThatAPageLacksIsTheMeanOfTheOthers() {
    func metrics(_ waiting: Int, _ running: Int, _ usage: Double, missing: EndpointMetrics.LoadFamilies = [])
      -> EndpointMetrics
    {
      var metrics = EndpointMetrics()
      metrics.waitingRequests = waiting
      metrics.runningRequests = running
      metrics.kvCacheUsage = usage
      metrics.missing = missing
      return metrics
    }
    let counts = EndpointLoad()
    counts.dispatch(uncachedTokens: 10)
    let members = [
      member(0, metrics(4, 2, 0.5)), member(1, metrics(2, 6, 0.25)),
      // It kept its last number, which says nothing any more.
      member(2, metrics(100, 1, 0.1, missing: .waitingRequests), counts),
      member(3, metrics(0, 0, 0, missing: [.runningRequests, .kvCacheUsage])),
      member(4, metrics(50, 50, 1), isStale: true),
    ]
    let snapshot = PoolSnapshot(members: members)
    #expect(loads(snapshot).map(\.queueDepth) == [4, 2, 3, 0, 2])
    #expect(loads(snapshot).map(\.runningRequests) == [2, 6, 2, 3, 3])
    let usage = loads(snapshot)[3].kvCacheUsage
    #expect(abs(usage - 0.85 / 3) < 1e-9)
    #expect(loads(snapshot)[2].kvCacheUsage == 0.1)
    #expect(snapshot.members[2].lacks(.waitingRequests) && !snapshot.members[2].lacks(.runningRequests))
    // Nobody says it: then it is what was sent there.
    let alone = PoolSnapshot(members: [member(0, metrics(7, 0, 0, missing: .waitingRequests), counts)])
    #expect(loads(alone)[0].queueDepth == 1)
  }

  @Test func loadIsThePageAndWhatThePageCannotShow() {
    let counts = EndpointLoad()
    counts.dispatch(uncachedTokens: 1000)
    var metrics = EndpointMetrics()
    metrics.waitingRequests = 4
    metrics.runningRequests = 2
    metrics.kvCacheUsage = 0.25
    metrics.cacheBlockTokens = 16
    metrics.cacheBlocks = 100
    metrics.dispatchedAtScrape = counts.totals
    counts.dispatch(uncachedTokens: 400)
    let fresh = member(0, metrics, counts)
    #expect(
      fresh.load.unseen(since: metrics.dispatchedAtScrape)
        == EndpointLoad.InFlight(requests: 1, uncachedTokens: 400))
    #expect(load(fresh).queueDepth == 5)
    #expect(load(fresh).runningRequests == 3)
    #expect(load(fresh).kvCacheUsage == 0.5)
  }

  /// Of 5 requests in flight 1 was dispatched after the scrape and 3 shortly before it.
  @Test(arguments: [(0, 0, 4), (1, 0, 4), (1, 1, 3), (2, 1, 2), (2, 2, 1), (9, 4, 1)])
  func aRequestOnItsWayDuringTheScrapeIsUnseen(running: Int, waiting: Int, unseen: Int) {
    let counts = EndpointLoad()
    for _ in 0..<4 { counts.dispatch(uncachedTokens: 0) }
    var metrics = EndpointMetrics()
    metrics.runningRequests = running
    metrics.waitingRequests = waiting
    metrics.dispatchedAtScrape = counts.totals
    metrics.recentDispatches = 3
    counts.dispatch(uncachedTokens: 0)
    #expect(load(member(0, metrics, counts)).runningRequests == running + unseen)
    #expect(load(member(0, metrics, counts)).queueDepth == waiting + unseen)
    // A page without one of the numbers does not say how many have arrived.
    metrics.missing = .waitingRequests
    #expect(load(member(0, metrics, counts)).runningRequests == running + 1)
  }

  @Test func aStaleEndpointIsJudgedByItsOwnRequests() {
    let counts = EndpointLoad()
    counts.dispatch(uncachedTokens: 800)
    counts.dispatch(uncachedTokens: 800)
    var metrics = EndpointMetrics()
    metrics.waitingRequests = 40
    metrics.runningRequests = 20
    metrics.kvCacheUsage = 0.9
    metrics.cacheBlockTokens = 16
    metrics.cacheBlocks = 200
    metrics.dispatchedAtScrape = counts.totals
    let stale = member(0, metrics, counts, isStale: true)
    #expect(load(stale).queueDepth == 2)
    #expect(load(stale).runningRequests == 2)
    #expect(load(stale).kvCacheUsage == 0.5)
  }

  @Test func aStaleEndpointIsTakenToBeAsBusyAsTheOthers() {
    func fresh(_ index: Int, waiting: Int, running: Int, usage: Double) -> PoolSnapshot.Member {
      var metrics = EndpointMetrics()
      metrics.waitingRequests = waiting
      metrics.runningRequests = running
      metrics.kvCacheUsage = usage
      return member(index, metrics)
    }
    let stale = member(0, EndpointMetrics(), EndpointLoad(), isStale: true)
    let pool = PoolSnapshot(members: [
      stale, fresh(1, waiting: 4, running: 10, usage: 0.2), fresh(2, waiting: 1, running: 20, usage: 0.4),
    ])
    #expect(loads(pool)[0].queueDepth == 3)
    #expect(loads(pool)[0].runningRequests == 15)
    #expect(abs(loads(pool)[0].kvCacheUsage - 0.3) < 1e-9)
    #expect(loads(pool)[1].queueDepth == 4)
    // Where nothing is known of anybody, nobody is better than another.
    #expect(loads(PoolSnapshot(members: [stale]))[0].queueDepth == 0)
  }

  @Test(arguments: [(-1.0, 0.0), (0.5, 0.5), (3.0, 1.0)]) func cacheUsageIsAShare(_ scraped: Double, _ expected: Double)
  {
    var metrics = EndpointMetrics()
    metrics.kvCacheUsage = scraped
    #expect(load(member(0, metrics)).kvCacheUsage == expected)
    metrics.cacheBlockTokens = 16
    metrics.cacheBlocks = 10
    #expect(load(member(0, metrics)).kvCacheUsage == expected)
  }
}
