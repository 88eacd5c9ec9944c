import EPPCore
import EPPScheduling
import EPPTestKit
import Testing

@Suite struct NoHitLRUScorerTests {
  private func scheduler(size: Int? = nil) -> Scheduler {
    var arguments = PluginArguments()
    if let size { arguments.set("lruSize", .integer(size)) }
    return .only(ConfiguredPlugin(NoHitLRUScorer.descriptor, arguments: arguments))
  }

  private func pick(_ endpoint: Endpoint, _ scheduler: Scheduler, isCold: Bool = true) {
    _ = scheduler.picked(
      PickedRequest(
        request: InferenceRequest(api: .completions), context: RequestContext(requestID: "r"), endpoint: endpoint,
        isCold: isCold, now: MonotonicTime(nanoseconds: 1)))
  }

  private func remembered(_ scheduler: Scheduler) -> Int? {
    let report = scheduler.stateReporters.values.first?.stateReport() as? NoHitLRUScorer.StateReport
    return report?.endpoints
  }

  @Test func theNeverUsedComeFirstAndThenTheOneUsedLongestAgo() {
    let scheduling = Scheduling((0..<5).map { Candidate(name: "e\($0)") })
    let scheduler = scheduler()
    #expect(scheduling.scores(scheduler) == [1, 0.75, 0.5, 0.25, 0])
    for index in [3, 1, 4, 3] { pick(scheduling.snapshot.members[index].endpoint, scheduler) }
    pick(scheduling.snapshot.members[0].endpoint, scheduler, isCold: false)
    // 0 and 2 were never used; then 1, 4 and 3.
    #expect(scheduling.scores(scheduler) == [1, 0.5, 0.75, 0, 0.25])
    #expect(remembered(scheduler) == 3)
  }

  @Test func aPromptThatIsHeldAsksForNoOrder() {
    let scheduling = Scheduling((0..<3).map { Candidate(name: "e\($0)") })
    scheduling.hold([0, 2, 0], of: 4)
    #expect(scheduling.scores(scheduler()) == [0.5, 0.5, 0.5])
  }

  @Test func theOneUsedLongestAgoIsForgottenFirst() {
    let scheduling = Scheduling((0..<3).map { Candidate(name: "e\($0)") })
    let scheduler = scheduler(size: 2)
    for index in [2, 0, 1] { pick(scheduling.snapshot.members[index].endpoint, scheduler) }
    #expect(remembered(scheduler) == 2)
    #expect(scheduling.scores(scheduler) == [0.5, 0, 1])
  }

  @Test func anEndpointInASlotOfAnotherIsNew() {
    let scheduling = Scheduling((0..<3).map { Candidate(name: "e\($0)") })
    let scheduler = scheduler()
    for member in scheduling.snapshot.members { pick(member.endpoint, scheduler) }
    let members = scheduling.snapshot.members.map { member in
      var endpoint = member.endpoint
      if endpoint.slot.index == 1 { endpoint.slot.generation += 1 }
      return PoolSnapshot.Member(endpoint: endpoint, metrics: member.metrics, load: member.load, isStale: false)
    }
    let next = Scheduling(PoolSnapshot(members: members))
    #expect(next.scores(scheduler) == [0.5, 1, 0])
    pick(members[1].endpoint, scheduler)
    #expect(next.scores(scheduler) == [1, 0, 0.5])
    // A late request to the endpoint that has left.
    pick(scheduling.snapshot.members[1].endpoint, scheduler)
    #expect(next.scores(scheduler) == [1, 0, 0.5])
    #expect(remembered(scheduler) == 3)
  }

  /// The definition, step by step, over random picks and memories of any size.
  @Test(arguments: 0..<20) func placesAreThoseOfTheLastPicks(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    let count = Int.random(in: 2...12, using: &generator)
    let size = Int.random(in: 1...14, using: &generator)
    let scheduling = Scheduling((0..<count).map { Candidate(name: "e\($0)") })
    let scheduler = scheduler(size: size)
    var order: [Int] = []
    for _ in 0..<60 {
      let index = Int.random(in: 0..<count, using: &generator)
      pick(scheduling.snapshot.members[index].endpoint, scheduler)
      order.removeAll { $0 == index }
      order.append(index)
      if order.count > size { order.removeFirst() }
      let ranking = (0..<count).filter { !order.contains($0) } + order
      var expected = Array(repeating: 0.0, count: count)
      for (place, index) in ranking.enumerated() { expected[index] = 1 - Double(place) / Double(count - 1) }
      #expect(scheduling.scores(scheduler) == expected)
      #expect(remembered(scheduler) == order.count)
    }
  }
}
