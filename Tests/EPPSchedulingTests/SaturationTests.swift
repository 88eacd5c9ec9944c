import EPPCore
import EPPScheduling
import EPPTestKit
import Testing

@Suite struct SaturationTests {
  private func scheduler(
    _ detector: ConfiguredPlugin = ConfiguredPlugin(UtilizationDetector.descriptor), admission: [ConfiguredPlugin] = [],
    referenced: [ConfiguredPlugin] = []
  ) -> Scheduler {
    var configuration = SchedulerConfiguration.weighted
    (configuration.detector, configuration.admission, configuration.referenced) = (detector, admission, referenced)
    return Scheduler(configuration, PluginEnvironment(seed: Scheduling.seed))
  }

  private func load(_ requests: Int) -> EndpointLoad {
    let load = EndpointLoad()
    for _ in 0..<requests { load.dispatch(uncachedTokens: 1000) }
    return load
  }

  private func rejection(_ scheduler: Scheduler, _ scheduling: Scheduling, priority: Int) -> Rejection? {
    scheduler.selectCandidates(
      scheduling.snapshot, scheduling.request, scheduling.context, now: scheduling.now, &scheduling.scratch)
    return scheduler.rejection(priority: priority, &scheduling.scratch)
  }

  @Test func aSaturatedEndpointIsNoCandidateWhileOthersAreNotSaturated() {
    let scheduler = scheduler()
    let scheduling = Scheduling([
      Candidate(name: "a", waiting: 5), Candidate(name: "b", waiting: 4), Candidate(name: "c", usage: 0.8),
      Candidate(name: "d", usage: 0.79), Candidate(name: "own", load: load(5)),
    ])
    #expect(scheduling.left(scheduler) == ["b", "d"])
    // All of them are, so all of them are candidates.
    #expect(
      Scheduling([Candidate(name: "a", waiting: 9), Candidate(name: "b", waiting: 5)]).left(scheduler) == ["a", "b"])
  }

  @Test(
    arguments: [
      ([4, 4], -1, false), ([5, 5], -1, true), ([10, 0], -1, true), ([5, 4], -1, false), ([50, 50], 0, false),
      ([50, 50], 7, false),
    ] as [([Int], Int, Bool)])
  func sheddableRequestsAreRefusedFromSaturationOn(waiting: [Int], priority: Int, isRefused: Bool) {
    let scheduling = Scheduling(waiting.map { Candidate(name: "\($0)", waiting: $0) })
    let found = rejection(scheduler(), scheduling, priority: priority)
    #expect((found != nil) == isRefused)
    if let found { #expect(found.status == .tooManyRequests && found.reason == .saturated) }
  }

  @Test func anOverloadedStageIsNotHiddenByTheOther() {
    let roles = { (role: String) in ["llm-d.ai/role": role] }
    let scheduling = Scheduling([
      Candidate(name: "d1", waiting: 5, labels: roles("decode")),
      Candidate(name: "d2", waiting: 6, labels: roles("decode")),
      Candidate(name: "p1", labels: roles("prefill")), Candidate(name: "p2", labels: roles("prefill")),
    ])
    let scheduler = scheduler()
    #expect(scheduler.saturation(of: scheduling.snapshot).effective >= 1)
    #expect(rejection(scheduler, scheduling, priority: -1) != nil)
    #expect(rejection(scheduler, scheduling, priority: 0) == nil)
  }

  @Test func requestsInFlightCountBeforeAnyScrape() {
    let scheduling = Scheduling([Candidate(name: "a", load: load(5))])
    #expect(rejection(scheduler(), scheduling, priority: -1) != nil)
  }

  @Test(arguments: [("requests", 0.5), ("tokens", 0.1), ("hybrid", 0.5)])
  func concurrencyIsMeasured(mode: String, saturation: Double) {
    var arguments = PluginArguments()
    arguments.set("concurrencyMode", .text(mode))
    arguments.set("maxConcurrency", .integer(4))
    arguments.set("maxTokenConcurrency", .integer(20_000))
    let scheduler = scheduler(ConfiguredPlugin(ConcurrencyDetector.descriptor, arguments: arguments))
    let snapshot = PoolSnapshot.of([Candidate(name: "a", load: load(4)), Candidate(name: "b")])
    #expect(scheduler.saturation(of: snapshot).effective == saturation)
  }

  @Test func theGreatestOfSeveralDetectorsCounts() {
    let queues = ConfiguredPlugin(UtilizationDetector.descriptor)
    let flights = ConfiguredPlugin(ConcurrencyDetector.descriptor)
    var arguments = PluginArguments()
    arguments.set("detectors", .texts([queues.name, flights.name]))
    arguments.set("stages", .textListMap([flights.name: ["prefill"]]))
    let scheduler = scheduler(
      ConfiguredPlugin(MaximumSaturationDetector.descriptor, arguments: arguments), referenced: [queues, flights])
    let labels = { (role: String) in ["llm-d.ai/role": role] }
    let busy = load(150)
    // What is in flight was sent before the scrape, so that the queue of the page counts.
    let snapshot = PoolSnapshot.of([
      Candidate(name: "p", waiting: 1, load: busy, labels: labels("prefill")),
      Candidate(name: "d", waiting: 2, labels: labels("decode")),
      Candidate(name: "e", waiting: 90, labels: labels("encode")),
    ])
    let saturation = scheduler.saturation(of: snapshot)
    #expect(saturation.prefill == 30.2 && saturation.decode == 0.4 && saturation.effective == 30.2)
  }

  @Test func anEmptyPoolIsSaturated() {
    #expect(scheduler().saturation(of: .empty).effective == 1)
  }

  @Test func theAdmitterRefusesTheMoreTheFullerThePoolIs() {
    let admitter = ConfiguredPlugin(PluginList.standard["probabilistic-admitter"] ?? RandomPicker.descriptor)
    // The detector itself refuses nothing.
    var arguments = PluginArguments()
    arguments.set("queueDepthThreshold", .integer(999_999_999))
    let scheduler = scheduler(
      ConfiguredPlugin(UtilizationDetector.descriptor, arguments: arguments), admission: [admitter])
    let share = { (waiting: Int, priority: Int) -> Double in
      let scheduling = Scheduling([Candidate(name: "a", waiting: waiting)])
      return Double((0..<2000).count { _ in rejection(scheduler, scheduling, priority: priority) != nil }) / 2000
    }
    // 300 · (1/5)^5 = 0.096.
    #expect(abs(share(1, -1) - 0.096) < 0.03)
    #expect(share(0, -1) == 0)
    #expect(share(2, -1) == 1)
    #expect(share(2, 0) == 0)
  }
}
