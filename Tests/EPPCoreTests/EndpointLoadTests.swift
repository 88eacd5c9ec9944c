import EPPCore
import Testing

@Suite struct EndpointLoadTests {
  @Test func whatIsDispatchedIsInFlightUntilItIsReleased() {
    let load = EndpointLoad()
    load.dispatch(uncachedTokens: 100)
    load.dispatch(uncachedTokens: 50)
    #expect(load.inFlight == EndpointLoad.InFlight(requests: 2, uncachedTokens: 150))
    load.releaseTokens(100)
    #expect(load.inFlight == EndpointLoad.InFlight(requests: 2, uncachedTokens: 50))
    load.releaseRequest()
    #expect(load.inFlight == EndpointLoad.InFlight(requests: 1, uncachedTokens: 50))
    #expect(load.totals == EndpointLoad.Totals(requests: 2, uncachedTokens: 150))
  }

  @Test func onlyWhatIsNewerThanTheScrapeIsUnseen() {
    let load = EndpointLoad()
    load.dispatch(uncachedTokens: 100)
    let scrape = load.totals
    #expect(load.unseen(since: scrape) == EndpointLoad.InFlight())
    load.dispatch(uncachedTokens: 7)
    #expect(load.unseen(since: scrape) == EndpointLoad.InFlight(requests: 1, uncachedTokens: 7))
  }

  @Test func whatCameAndWentBetweenTwoScrapesCountsForNothing() {
    let load = EndpointLoad()
    let scrape = load.totals
    load.dispatch(uncachedTokens: 100)
    load.releaseTokens(100)
    load.releaseRequest()
    #expect(load.unseen(since: scrape) == EndpointLoad.InFlight())
  }

  @Test func aRequestWhoseEndIsNotSeenCountsUntilTheNextScrape() {
    let load = EndpointLoad()
    let before = load.totals
    load.dispatchUntracked(uncachedTokens: 30)
    #expect(load.inFlight == EndpointLoad.InFlight())
    #expect(load.unseen(since: before) == EndpointLoad.InFlight(requests: 1, uncachedTokens: 30))
    #expect(load.unseen(since: load.totals) == EndpointLoad.InFlight())
  }

  @Test func countsAreNeverNegative() {
    let load = EndpointLoad()
    load.releaseRequest()
    load.releaseTokens(10)
    #expect(load.inFlight == EndpointLoad.InFlight())
    load.dispatch(uncachedTokens: -5)
    load.dispatchUntracked(uncachedTokens: -5)
    #expect(load.totals.uncachedTokens == 0)
    #expect(load.totals.untrackedTokens == 0)
  }

  @Test func manyThreadsLoseNothing() async {
    let load = EndpointLoad()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<2000 {
            load.dispatch(uncachedTokens: 3)
            load.releaseTokens(3)
            load.releaseRequest()
          }
        }
      }
    }
    #expect(load.inFlight == EndpointLoad.InFlight())
    #expect(load.totals == EndpointLoad.Totals(requests: 16_000, uncachedTokens: 48_000))
  }
}
