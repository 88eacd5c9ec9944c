import EPPCore
import EPPScheduling
import EPPTestKit
import Testing

@Suite struct LoadScorerTests {
  @Test func queuesAreRankedBetweenTheLongestAndTheShortest() {
    let scheduling = Scheduling([
      Candidate(name: "a", waiting: 2), Candidate(name: "b", waiting: 10), Candidate(name: "c", waiting: 4),
    ])
    #expect(scheduling.scores(.queue) == [1, 0, 0.75])
  }

  @Test func equalCountsGiveAllTheFullScore() {
    let scheduling = Scheduling([Candidate(name: "a", waiting: 5), Candidate(name: "b", waiting: 5)])
    #expect(scheduling.scores(.queue) == [1, 1])
    #expect(scheduling.scores(.runningRequests) == [1, 1])
    let single = Scheduling([Candidate(name: "a", waiting: 5)])
    #expect(single.scores(.queue) == [1])
  }

  @Test func onlyCandidatesSetTheScale() {
    let scheduling = Scheduling([
      Candidate(name: "a", waiting: 0), Candidate(name: "b", waiting: 10), Candidate(name: "c", waiting: 30),
    ])
    scheduling.context.subset = .only(["10.0.0.1:8000", "10.0.0.2:8000"])
    #expect(scheduling.scores(.queue) == [1, 0])
  }

  @Test func runningRequestsAreRankedLikeQueues() {
    let scheduling = Scheduling([
      Candidate(name: "a", running: 8), Candidate(name: "b", running: 0), Candidate(name: "c", running: 2),
    ])
    #expect(scheduling.scores(.runningRequests) == [0, 1, 0.75])
  }

  @Test func theFreeShareOfTheCacheIsTheScore() {
    let scheduling = Scheduling([
      Candidate(name: "a", usage: 0), Candidate(name: "b", usage: 0.25), Candidate(name: "c", usage: 1),
      Candidate(name: "d", usage: 1.5), Candidate(name: "e", usage: -1), Candidate(name: "f", usage: .nan),
    ])
    #expect(scheduling.scores(.kvCacheUtilization) == [1, 0.75, 0, 0, 1, 1])
  }

  @Test func dispatchesThatNoScrapeShowsCount() {
    let busy = EndpointLoad()
    for _ in 0..<4 { busy.dispatch(uncachedTokens: 200) }
    let scheduling = Scheduling([
      Candidate(name: "a", waiting: 1, running: 1, usage: 0.1, capacityTokens: 1_600, load: busy),
      Candidate(name: "b", waiting: 3, running: 3, usage: 0.1, capacityTokens: 1_600),
      Candidate(name: "c", waiting: 1, running: 1, usage: 0.1),
    ])
    #expect(scheduling.scores(.queue) == [0, 0.5, 1])
    #expect(scheduling.scores(.runningRequests) == [0, 0.5, 1])
    let free = scheduling.scores(.kvCacheUtilization)
    #expect(abs(free[0] - 0.4) < 1e-9)
    #expect(abs(free[1] - 0.9) < 1e-9)
  }

  @Test func aStaleEndpointIsTakenToBeAsBusyAsTheOthersBesideItsOwnRequests() {
    let busy = EndpointLoad()
    for _ in 0..<3 { busy.dispatch(uncachedTokens: 400) }
    let scheduling = Scheduling([
      Candidate(name: "stale and busy", waiting: 90, usage: 1, capacityTokens: 1_600, isStale: true, load: busy),
      Candidate(name: "stale and idle", waiting: 90, usage: 1, capacityTokens: 1_600, isStale: true),
      Candidate(name: "fresh", waiting: 2, usage: 0.125, capacityTokens: 1_600),
      Candidate(name: "fresh and longer", waiting: 4, usage: 0.375, capacityTokens: 1_600),
    ])
    // The mean of the fresh ones is 3 requests and a quarter of the cache: no magnet, and not shut out either.
    #expect(scheduling.scores(.queue) == [0, 0.75, 1, 0.5])
    #expect(scheduling.scores(.kvCacheUtilization) == [0, 0.75, 0.875, 0.625])
  }
}
