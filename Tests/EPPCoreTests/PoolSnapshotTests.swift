import EPPCore
import Testing

@Suite struct PoolSnapshotTests {
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

  @Test func membersAreFoundByDestination() {
    let snapshot = PoolSnapshot(members: [member(3, generation: 2), member(1)])
    #expect(snapshot.index(ofDestination: "10.0.0.3:8000") == 0)
    #expect(snapshot.index(ofDestination: "10.0.0.1:8000") == 1)
    #expect(snapshot.index(ofDestination: "10.0.0.1") == nil)
    #expect(snapshot.index(ofDestination: "10.0.0.1:8001") == nil)
    #expect(PoolSnapshot.empty.members.isEmpty)
  }

  @Test func twoMembersWithOneAddressDoNotTrap() {
    let snapshot = PoolSnapshot(members: [member(1), member(1)])
    #expect(snapshot.index(ofDestination: "10.0.0.1:8000") == 0)
  }

  @Test func destinationsOfIPv6HaveBrackets() {
    let endpoint = Endpoint(
      name: "v6", address: EndpointAddress(host: "::1", port: 80), slot: EndpointSlot(index: 0, generation: 0))
    let snapshot = PoolSnapshot(members: [
      PoolSnapshot.Member(endpoint: endpoint, metrics: EndpointMetrics(), load: EndpointLoad(), isStale: false)
    ])
    #expect(snapshot.members[0].destination == "[::1]:80")
    #expect(snapshot.index(ofDestination: "[::1]:80") == 0)
    #expect(endpoint.metricsAddress == endpoint.address)
    #expect(endpoint.namespace == "default")
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
    let load = EndpointLoad()
    load.dispatch(uncachedTokens: 10)
    let members = [
      member(0, metrics(4, 2, 0.5)), member(1, metrics(2, 6, 0.25)),
      // It kept its last number, which says nothing any more.
      member(2, metrics(100, 1, 0.1, missing: .waitingRequests), load),
      member(3, metrics(0, 0, 0, missing: [.runningRequests, .kvCacheUsage])),
      member(4, metrics(50, 50, 1), isStale: true),
    ]
    let snapshot = PoolSnapshot(members: members)
    #expect(snapshot.members.map(\.queueDepth) == [4, 2, 3, 0, 2])
    #expect(snapshot.members.map(\.runningRequests) == [2, 6, 2, 3, 3])
    let usage = snapshot.members[3].kvCacheUsage
    #expect(abs(usage - 0.85 / 3) < 1e-9)
    #expect(snapshot.members[2].kvCacheUsage == 0.1)
    #expect(snapshot.members[2].lacks(.waitingRequests) && !snapshot.members[2].lacks(.runningRequests))
    // Nobody says it: then it is what was sent there.
    let alone = PoolSnapshot(members: [member(0, metrics(7, 0, 0, missing: .waitingRequests), load)])
    #expect(alone.members[0].queueDepth == 1)
  }

  @Test func loadIsThePageAndWhatThePageCannotShow() {
    let load = EndpointLoad()
    load.dispatch(uncachedTokens: 1000)
    var metrics = EndpointMetrics()
    metrics.waitingRequests = 4
    metrics.runningRequests = 2
    metrics.kvCacheUsage = 0.25
    metrics.cacheBlockTokens = 16
    metrics.cacheBlocks = 100
    metrics.dispatchedAtScrape = load.totals
    load.dispatch(uncachedTokens: 400)
    let fresh = member(0, metrics, load)
    #expect(fresh.unseen(by: .waitingRequests) == EndpointLoad.InFlight(requests: 1, uncachedTokens: 400))
    #expect(fresh.queueDepth == 5)
    #expect(fresh.runningRequests == 3)
    #expect(fresh.kvCacheUsage == 0.5)
  }

  @Test func aStaleEndpointIsJudgedByItsOwnRequests() {
    let load = EndpointLoad()
    load.dispatch(uncachedTokens: 800)
    load.dispatch(uncachedTokens: 800)
    var metrics = EndpointMetrics()
    metrics.waitingRequests = 40
    metrics.runningRequests = 20
    metrics.kvCacheUsage = 0.9
    metrics.cacheBlockTokens = 16
    metrics.cacheBlocks = 200
    metrics.dispatchedAtScrape = load.totals
    let stale = member(0, metrics, load, isStale: true)
    #expect(stale.queueDepth == 2)
    #expect(stale.runningRequests == 2)
    #expect(stale.kvCacheUsage == 0.5)
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
    #expect(pool.members[0].queueDepth == 3)
    #expect(pool.members[0].runningRequests == 15)
    #expect(abs(pool.members[0].kvCacheUsage - 0.3) < 1e-9)
    #expect(pool.members[1].queueDepth == 4)
    // Where nothing is known of anybody, nobody is better than another.
    #expect(PoolSnapshot(members: [stale]).members[0].queueDepth == 0)
  }

  @Test func theLookUpTableFollowsTheMembers() {
    let first = PoolSnapshot(members: [member(0, EndpointMetrics()), member(1, EndpointMetrics())])
    let same = PoolSnapshot(members: first.members, replacing: first)
    #expect(same.index(ofDestination: first.members[1].destination) == 1)
    let turned = PoolSnapshot(members: first.members.reversed(), replacing: same)
    #expect(turned.index(ofDestination: first.members[1].destination) == 0)
    #expect(turned.index(ofDestination: first.members[0].destination) == 1)
    let one = PoolSnapshot(members: [first.members[1]], replacing: first)
    #expect(one.index(ofDestination: first.members[0].destination) == nil)
    #expect(one.index(ofDestination: first.members[1].destination) == 0)
  }

  @Test(arguments: [(-1.0, 0.0), (0.5, 0.5), (3.0, 1.0)]) func cacheUsageIsAShare(_ scraped: Double, _ expected: Double)
  {
    var metrics = EndpointMetrics()
    metrics.kvCacheUsage = scraped
    #expect(member(0, metrics).kvCacheUsage == expected)
    metrics.cacheBlockTokens = 16
    metrics.cacheBlocks = 10
    #expect(member(0, metrics).kvCacheUsage == expected)
  }

  @Test func capacityIsBlocksTimesTokens() {
    var metrics = EndpointMetrics()
    #expect(metrics.cacheCapacityTokens == nil)
    metrics.cacheBlocks = 10
    #expect(metrics.cacheCapacityTokens == nil)
    metrics.cacheBlockTokens = 16
    #expect(metrics.cacheCapacityTokens == 160)
    metrics.cacheBlocks = Int.max
    #expect(metrics.cacheCapacityTokens == nil)
  }
}
