import EPPCore
import EPPTestKit
import Logging
import Synchronization
import Testing

@testable import EPPDataLayer

@Suite struct EndpointStoreTests {
  private let clock = ManualClock()
  private let log = LogRecorder()

  private func store() -> EndpointStore {
    EndpointStore(
      configuration: .init(stalenessThreshold: .seconds(2)), logger: log.logger, clock: { [clock] in clock.now })
  }

  private func endpoint(_ name: String, port: UInt16 = 8000, labels: [String: String] = [:]) -> DiscoveredEndpoint {
    DiscoveredEndpoint(name: name, address: EndpointAddress(host: "10.0.0.1", port: port), labels: labels)
  }

  private func page(waiting: Int) -> EnginePage {
    var page = EnginePage()
    page.waitingRequests = waiting
    return page
  }

  private func slot(of name: String, in store: EndpointStore) throws -> EndpointSlot {
    try #require(store.currentSnapshot().members.first { $0.endpoint.name == name }?.endpoint.slot)
  }

  /// Everything that an observer is told, in words.
  private final class Diary: Sendable {
    private let entries = Mutex<[String]>([])
    var all: [String] { entries.withLock { $0 } }

    func note(_ change: EndpointChange) {
      let text =
        switch change {
        case .added(let endpoint, _): "+\(endpoint.name)@\(endpoint.slot.index).\(endpoint.slot.generation)"
        case .updated(let endpoint): "~\(endpoint.name)@\(endpoint.slot.index).\(endpoint.slot.generation)"
        case .removed(let endpoint): "-\(endpoint.name)@\(endpoint.slot.index).\(endpoint.slot.generation)"
        }
      entries.withLock { $0.append(text) }
    }
  }

  @Test func startsEmptyAndPublishesMembershipAtOnce() async {
    let store = store()
    #expect(store.currentSnapshot().members.isEmpty)
    await store.replaceEndpoints([endpoint("a"), endpoint("b")], from: .flags)
    #expect(store.currentSnapshot().members.map(\.endpoint.name) == ["a", "b"])
    await store.replaceEndpoints([endpoint("b")], from: .flags)
    #expect(store.currentSnapshot().members.map(\.endpoint.name) == ["b"])
  }

  @Test func reusedSlotsHaveANewGenerationAndNewLoad() async throws {
    let store = store()
    await store.replaceEndpoints([endpoint("a"), endpoint("b")], from: .file)
    let old = try #require(store.currentSnapshot().members.first)
    old.load.dispatch(uncachedTokens: 10)
    store.record(page(waiting: 3), for: old.endpoint.slot, startedAt: clock.now, dispatched: .init())
    await store.replaceEndpoints([endpoint("b")], from: .file)
    await store.replaceEndpoints([endpoint("b"), endpoint("c")], from: .file)
    let new = try #require(store.currentSnapshot().members.first)
    #expect(new.endpoint.name == "c")
    #expect(new.endpoint.slot.index == old.endpoint.slot.index)
    #expect(new.endpoint.slot.generation == old.endpoint.slot.generation + 1)
    #expect(new.load.inFlight.requests == 0)
    #expect(new.metrics == EndpointMetrics())
    #expect(!store.currentSnapshot().members.contains { $0.endpoint.slot == old.endpoint.slot })
    store.record(page(waiting: 9), for: old.endpoint.slot, startedAt: clock.now, dispatched: .init())
    clock.advance(by: .seconds(1))
    store.publishIfDue()
    #expect(store.currentSnapshot().members.first?.metrics.waitingRequests == 0)
  }

  @Test func unchangedEndpointsKeepSlotLoadAndMetrics() async throws {
    let store = store()
    await store.replaceEndpoints([endpoint("a"), endpoint("b")], from: .file)
    let before = try #require(store.currentSnapshot().members.last)
    store.record(page(waiting: 3), for: before.endpoint.slot, startedAt: clock.now, dispatched: .init())
    await store.replaceEndpoints([endpoint("b", labels: ["x": "y"]), endpoint("c")], from: .file)
    let after = try #require(store.currentSnapshot().members.first { $0.endpoint.name == "b" })
    #expect(after.endpoint.slot == before.endpoint.slot)
    #expect(after.load === before.load)
    #expect(after.metrics.waitingRequests == 3)
    #expect(after.endpoint.labels == ["x": "y"])
  }

  @Test func anotherAddressIsAnotherEndpoint() async throws {
    let store = store()
    await store.replaceEndpoints([endpoint("a", port: 1)], from: .file)
    let before = try slot(of: "a", in: store)
    await store.replaceEndpoints([endpoint("a", port: 2)], from: .file)
    #expect(try slot(of: "a", in: store) != before)
    #expect(store.currentSnapshot().members.count == 1)
  }

  @Test func observersHearOfArrivalsBeforeDeparturesAndInOrder() async {
    let store = store()
    let diary = Diary()
    await store.replaceEndpoints([endpoint("a")], from: .file)
    let observation = await store.observe { diary.note($0) }
    await store.replaceEndpoints([endpoint("a", labels: ["x": "y"]), endpoint("b")], from: .file)
    await store.replaceEndpoints([endpoint("c")], from: .file)
    await store.replaceEndpoints([endpoint("c"), endpoint("d")], from: .file)
    await store.endObservation(observation)
    await store.replaceEndpoints([], from: .file)
    let heard = diary.all
    #expect(heard.prefix(4) == ["+a@0.1", "+b@1.1", "~a@0.1", "+c@2.1"])
    #expect(Set(heard.dropFirst(4).prefix(2)) == ["-a@0.1", "-b@1.1"])
    #expect(heard.dropFirst(6) == ["+d@0.2"])
  }

  /// An observer may change the membership, in a task: no lock is held while it is told.
  @Test func aChangeThatAnObserverMakesFollowsTheOneThatItHears() async {
    let store = store()
    let diary = Diary()
    let (changed, done) = AsyncStream<Void>.makeStream()
    await store.observe { [weak store] change in
      diary.note(change)
      guard case .added(let newcomer, load: _) = change, newcomer.name == "a" else { return }
      Task {
        await store?.replaceEndpoints([endpoint("c", port: 8000)], from: .flags)
        done.finish()
      }
    }
    await store.replaceEndpoints([endpoint("a"), endpoint("b")], from: .file)
    for await _ in changed {}
    #expect(diary.all == ["+a@0.1", "+b@1.1", "+c@2.1"])
  }

  @Test func whatAPageDoesNotSayIsWarnedOfWhenItIsNew() async throws {
    let store = store()
    await store.replaceEndpoints([endpoint("a")], from: .flags)
    let slot = try slot(of: "a", in: store)
    for _ in 0..<3 { store.record(page(waiting: 1), for: slot, startedAt: clock.now, dispatched: .init()) }
    #expect(log.lines(containing: "does not say its running requests, KV cache usage").count == 1)
    var whole = page(waiting: 1)
    whole.runningRequests = 0
    whole.kvCacheUsage = 0
    store.record(whole, for: slot, startedAt: clock.now, dispatched: .init())
    store.record(page(waiting: 1), for: slot, startedAt: clock.now, dispatched: .init())
    #expect(log.lines(containing: "does not say its").count == 2)
  }

  @Test func theDepartedAreOutOfTheSnapshotWhenObserversHear() async {
    let store = store()
    let seen = Mutex<[Int]>([])
    await store.replaceEndpoints([endpoint("a"), endpoint("b")], from: .file)
    await store.observe { [unowned store] change in
      if case .removed = change { seen.withLock { $0.append(store.currentSnapshot().members.count) } }
    }
    await store.replaceEndpoints([endpoint("a")], from: .file)
    #expect(seen.withLock { $0 } == [1])
  }

  @Test func sourcesOwnTheirEndpointsAndNamesAreUnique() async {
    let store = store()
    #expect(await store.replaceEndpoints([endpoint("a", port: 1)], from: .flags).isEmpty)
    let problems = await store.replaceEndpoints([endpoint("a", port: 2), endpoint("b"), endpoint("b")], from: .file)
    #expect(problems.count == 2)
    #expect(store.currentSnapshot().members.map(\.endpoint.address.port) == [1, 8000])
    await store.replaceEndpoints([], from: .file)
    #expect(store.currentSnapshot().members.map(\.endpoint.name) == ["a"])
  }

  @Test func moreEndpointsThanSlotsAreReported() async {
    let store = store()
    let capacity = EndpointSlot.capacity
    let many = (0..<(capacity + 2)).map { endpoint("e\($0)", port: UInt16(1 + $0)) }
    #expect(await store.replaceEndpoints(many, from: .kubernetes).count == 2)
    #expect(store.currentSnapshot().members.count == capacity)
    let others = (0..<capacity).map { endpoint("f\($0)", port: UInt16(1 + $0)) }
    #expect(await store.replaceEndpoints(others, from: .kubernetes).isEmpty)
    #expect(store.currentSnapshot().members.allSatisfy { $0.endpoint.slot.generation == 2 })
  }

  @Test func metricsArePublishedAtMostOnceInFiveMilliseconds() async throws {
    let store = store()
    await store.replaceEndpoints([endpoint("a")], from: .flags)
    let slot = try slot(of: "a", in: store)
    var published: [Int] = []
    for waiting in 1...20 {
      clock.advance(by: .milliseconds(1))
      store.record(page(waiting: waiting), for: slot, startedAt: clock.now, dispatched: .init())
      store.publishIfDue()
      let shown = store.currentSnapshot().members[0].metrics.waitingRequests
      if shown != published.last { published.append(shown) }
    }
    #expect(published == [0, 5, 10, 15, 20])
  }

  @Test func namesTheTimeOfTheNextPublication() async throws {
    let store = store()
    await store.replaceEndpoints([endpoint("a")], from: .flags)
    let slot = try slot(of: "a", in: store)
    #expect(store.publishIfDue() == nil)
    let publishedAt = clock.now
    clock.advance(by: .milliseconds(2))
    let scrapedAt = clock.now
    store.record(page(waiting: 1), for: slot, startedAt: scrapedAt, dispatched: .init())
    #expect(store.publishIfDue() == publishedAt.advanced(by: .milliseconds(5)))
    clock.advance(by: .milliseconds(3))
    #expect(store.publishIfDue() == scrapedAt.advanced(by: .seconds(2)))
    #expect(store.currentSnapshot().members[0].metrics.waitingRequests == 1)
    #expect(store.currentSnapshot().members[0].metrics.scrapedAt == scrapedAt)
  }

  @Test func endpointsTurnStaleWithoutAScrapeAndFreshWithOne() async throws {
    let store = store()
    await store.replaceEndpoints([endpoint("a"), endpoint("b")], from: .flags)
    let slot = try slot(of: "a", in: store)
    #expect(store.currentSnapshot().members.map(\.isStale) == [true, true])
    store.record(page(waiting: 4), for: slot, startedAt: clock.now, dispatched: .init())
    clock.advance(by: .milliseconds(5))
    store.publishIfDue()
    #expect(store.currentSnapshot().members.map(\.isStale) == [false, true])
    clock.advance(by: .milliseconds(1994))
    store.publishIfDue()
    #expect(store.currentSnapshot().members[0].isStale == false)
    clock.advance(by: .milliseconds(1))
    #expect(store.publishIfDue() == nil)
    #expect(store.currentSnapshot().members[0].isStale)
    #expect(store.currentSnapshot().members[0].metrics.waitingRequests == 4)
    store.record(page(waiting: 5), for: slot, startedAt: clock.now, dispatched: .init())
    clock.advance(by: .milliseconds(5))
    store.publishIfDue()
    #expect(store.currentSnapshot().members[0].isStale == false)
    #expect(log.lines(containing: "are stale").count == 1)
    #expect(log.lines(containing: "fresh again").count == 1)
  }

  @Test func snapshotsAreWholeHoweverManyThreadsWrite() async {
    let store = EndpointStore(
      configuration: .init(stalenessThreshold: .seconds(2), publishInterval: .zero), logger: log.logger)
    let names = (0..<8).map { "e\($0)" }
    await withTaskGroup(of: Void.self) { group in
      for source in [EndpointStore.Source.flags, .file] {
        group.addTask {
          for round in 0..<200 {
            let half = names.enumerated().filter { ($0.offset + round) % 3 != 0 }.map(\.element)
            await store.replaceEndpoints(half.map { endpoint("\(source)-\($0)") }, from: source)
          }
        }
      }
      group.addTask {
        for waiting in 0..<2000 {
          for member in store.currentSnapshot().members.prefix(2) {
            store.record(page(waiting: waiting), for: member.endpoint.slot, startedAt: .now(), dispatched: .init())
          }
          store.publishIfDue()
        }
      }
      group.addTask {
        for _ in 0..<2000 {
          let members = store.currentSnapshot().members
          #expect(Set(members.map(\.endpoint.slot.index)).count == members.count)
          #expect(Set(members.map(\.endpoint.name)).count == members.count)
        }
      }
    }
    #expect(store.currentSnapshot().members.count <= 16)
  }

  @Test func whatWasDispatchedAfterTheScrapeIsUnseen() async throws {
    let store = store()
    await store.replaceEndpoints([endpoint("a")], from: .flags)
    let member = try #require(store.currentSnapshot().members.first)
    member.load.dispatch(uncachedTokens: 100)
    let totals = member.load.totals
    member.load.dispatch(uncachedTokens: 30)
    store.record(page(waiting: 1), for: member.endpoint.slot, startedAt: clock.now, dispatched: totals)
    clock.advance(by: .milliseconds(5))
    store.publishIfDue()
    let now = try #require(store.currentSnapshot().members.first)
    #expect(
      now.load.unseen(since: now.metrics.dispatchedAtScrape)
        == EndpointLoad.InFlight(requests: 1, uncachedTokens: 30))
    #expect(now.metrics.waitingRequests == 1)
  }

  @Test func unreachableIsSaidOnceAndTakenBackOnce() async throws {
    let store = store()
    await store.replaceEndpoints([endpoint("a")], from: .flags)
    let slot = try slot(of: "a", in: store)
    let answers = (0..<10).map { _ in store.recordFailure(.timedOut, for: slot) }
    #expect(answers == [false, false] + [Bool](repeating: true, count: 8))
    let health = try #require(store.health().first)
    #expect(health.errors == 10)
    #expect(health.isUnreachable)
    for _ in 0..<3 { store.record(page(waiting: 1), for: slot, startedAt: clock.now, dispatched: .init()) }
    #expect(store.health().first?.isUnreachable == false)
    #expect(store.health().first?.scrapes == 13)
    #expect(log.lines(containing: "is unreachable").count == 1)
    #expect(log.lines(containing: "reachable again").count == 1)
  }

  @Test func whoRefusesConnectionsIsShownUntilSomebodyAnswers() async throws {
    let store = store()
    await store.replaceEndpoints([endpoint("a")], from: .flags)
    let slot = try slot(of: "a", in: store)
    func refuses() -> Bool? {
      clock.advance(by: .milliseconds(5))
      store.publishIfDue()
      return store.currentSnapshot().members.first?.refusesConnections
    }
    #expect(refuses() == false)
    store.recordFailure(.connectionRefused, for: slot)
    #expect(refuses() == true)
    // No answer is no news.
    store.recordFailure(.timedOut, for: slot)
    store.recordFailure(.connectFailed("no route to host"), for: slot)
    #expect(refuses() == true)
    store.recordFailure(.status(404), for: slot)
    #expect(refuses() == false)
    store.recordFailure(.connectionRefused, for: slot)
    #expect(refuses() == true)
    store.record(page(waiting: 1), for: slot, startedAt: clock.now, dispatched: .init())
    #expect(refuses() == false)
    #expect(log.lines(containing: "no engine serves").count == 2)
    #expect(log.lines(containing: "answers again").count == 1)
    #expect(log.lines(containing: "reachable again").count == 1)
  }

  /// Sidecars listen before and after their engines do: llm-d's answers 502 then, Warmpath's 503.
  @Test(arguments: [502, 503])
  func aSidecarSaysThatItsEngineIsGone(_ status: Int) async throws {
    let store = store()
    await store.replaceEndpoints([endpoint("a")], from: .flags)
    let slot = try slot(of: "a", in: store)
    store.recordFailure(.status(status), for: slot)
    clock.advance(by: .milliseconds(5))
    store.publishIfDue()
    #expect(store.currentSnapshot().members.first?.refusesConnections == true)
    store.record(page(waiting: 1), for: slot, startedAt: clock.now, dispatched: .init())
    clock.advance(by: .milliseconds(5))
    store.publishIfDue()
    #expect(store.currentSnapshot().members.first?.refusesConnections == false)
  }

  @Test func aMetricsPageOfAnotherPortSaysNothingOfTheEngine() async throws {
    let store = store()
    var other = endpoint("a")
    other.metricsAddress.port = 9400
    await store.replaceEndpoints([other], from: .flags)
    let slot = try slot(of: "a", in: store)
    for _ in 0..<5 { store.recordFailure(.connectionRefused, for: slot) }
    clock.advance(by: .milliseconds(5))
    store.publishIfDue()
    #expect(store.currentSnapshot().members.first?.refusesConnections == false)
    #expect(log.lines(containing: "is unreachable").count == 1)
  }
}
