import EPPCore
import EPPScheduling
import EPPTestKit
import Testing

/// Requests that go through several profiles.
@Suite struct ProfileHandlerTests {
  private let pool = [
    Candidate(name: "p0", labels: ["llm-d.ai/role": "prefill"]),
    Candidate(name: "p1", waiting: 1, labels: ["llm-d.ai/role": "prefill"]),
    Candidate(name: "d0", waiting: 1, labels: ["llm-d.ai/role": "decode"]), Candidate(name: "d1"),
  ]

  private func scheduler(
    _ handler: String, _ parameters: [String: PluginArguments.Value] = [:], others: [String] = [],
    profiles: [String] = ["prefill", "decode"]
  ) throws -> Scheduler {
    var arguments = PluginArguments()
    for (key, value) in parameters { arguments.set(key, value) }
    let list = PluginList.standard
    var configuration = SchedulerConfiguration(
      profiles: try profiles.map { name in
        ProfileConfiguration(
          name: name, filters: [ConfiguredPlugin(try #require(list[name + "-filter"] ?? list["decode-filter"]))],
          scorers: [.init(.queue, weight: 1)])
      })
    configuration.handler = ConfiguredPlugin(try #require(list[handler]), arguments: arguments)
    configuration.referenced = try others.map { ConfiguredPlugin(try #require(list[$0])) }
    return Scheduler(configuration, PluginEnvironment(seed: Scheduling.seed))
  }

  private func deciders(_ prefill: String) -> [String: PluginArguments.Value] {
    var value = PluginArguments()
    value.set("prefill", .text(prefill))
    return ["deciders": .object(value)]
  }

  private func header(_ schedule: Schedule, _ name: String) -> String? {
    schedule.effects.requestHeaders.first { $0.name == name }?.value
  }

  @Test(arguments: ["decode-first", "prefill-first"])
  func aRequestGetsAPrefillEndpoint(order: String) throws {
    let decider = "always-disagg-pd-decider"
    let parameters = deciders(decider).merging(["stageOrder": .text(order)]) { $1 }
    let scheduler = try scheduler("disagg-profile-handler", parameters, others: [decider])
    let scheduling = Scheduling(pool)
    scheduling.scratch.trace = DecisionTrace()
    let schedule = try #require(try scheduling.schedule(scheduler))
    #expect(schedule.decode.picks == [3])
    #expect(schedule.prefill?.picks == [0])
    #expect(header(schedule, "x-prefiller-host-port") == "10.0.0.0:8000")
    #expect(schedule.destination(in: scheduling.snapshot) == "10.0.0.3:8000")
    #expect(schedule.effects.decisionType == "prefill-decode")
    let stages: [ServingStage] = order == "decode-first" ? [.decode, .prefill] : [.prefill, .decode]
    #expect(scheduling.scratch.trace?.runs.map(\.stage) == stages)
  }

  @Test func withoutADeciderTheRequestIsServedAlone() throws {
    let schedule = try #require(try Scheduling(pool).schedule(try scheduler("disagg-profile-handler")))
    #expect(schedule.decode.picks == [3] && schedule.others.isEmpty)
    #expect(schedule.effects.requestHeaders.isEmpty && schedule.effects.decisionType == "decode-only")
  }

  @Test func aStageWithoutEndpointsIsLeftOut() throws {
    let decider = "always-disagg-pd-decider"
    let scheduler = try scheduler("disagg-profile-handler", deciders(decider), others: [decider])
    let schedule = try #require(try Scheduling([Candidate(name: "d")]).schedule(scheduler))
    #expect(schedule.decode.picks == [0] && schedule.others.isEmpty)
    // And without an endpoint that decodes there is no schedule.
    #expect(try Scheduling([pool[0]]).schedule(scheduler) == nil)
  }

  @Test(arguments: [(16, 0, true), (9, 8, false), (8, 0, true), (7, 0, false), (20, 12, true)])
  func thePrefixDecides(tokens: Int, held: Int, isSplit: Bool) throws {
    var arguments = PluginArguments()
    arguments.set("nonCachedTokens", .integer(8 * 16))
    let list = PluginList.standard
    var configuration = SchedulerConfiguration(profiles: [
      ProfileConfiguration(name: "decode", scorers: []), ProfileConfiguration(name: "prefill", scorers: []),
    ])
    let decider = ConfiguredPlugin(try #require(list["prefix-based-pd-decider"]), arguments: arguments)
    configuration.referenced = [decider]
    var handler = PluginArguments()
    handler.set("deciderPluginName", .text(decider.name))
    configuration.handler = ConfiguredPlugin(try #require(list["disagg-profile-handler"]), arguments: handler)
    let scheduling = Scheduling([Candidate(name: "a")])
    scheduling.request.promptTokens = tokens * 16
    scheduling.hold([held], of: tokens)
    let schedule = try scheduling.schedule(Scheduler(configuration, PluginEnvironment(seed: Scheduling.seed)))
    #expect((schedule?.prefill != nil) == isSplit)
  }

  /// By the formula with 8,000 tokens a second, 100,000 transferred, 20 ms of overhead and a weight of 0.1 for each running answer.
  @Test(arguments: [
    // An idle decoding endpoint computes 0.2 s itself; elsewhere it takes 0.2 + 0.02 + 0.016 s.
    (1600, 0, 0, 0, false),
    // Ten running answers that wait 0.2 s each cost another 0.2 s.
    (1600, 10, 0, 0, true),
    // What the decoding endpoint holds needs no computing: 0.0 s against 0.2 + 0.02 s.
    (1600, 10, 100, 0, false),
    // A queue of 2,400 tokens before the prefill endpoint is 0.3 s.
    (1600, 10, 0, 2400, false),
    // A short prompt is not worth the overhead: 0.004 s here.
    (32, 10, 0, 0, false),
  ])
  func theCheaperWayIsTaken(tokens: Int, running: Int, heldBlocks: Int, queued: Int, isSplit: Bool) throws {
    let list = PluginList.standard
    var configuration = SchedulerConfiguration(profiles: [
      ProfileConfiguration(
        name: "decode", filters: [ConfiguredPlugin(try #require(list["decode-filter"]))], scorers: []),
      ProfileConfiguration(
        name: "prefill", filters: [ConfiguredPlugin(try #require(list["prefill-filter"]))], scorers: []),
    ])
    configuration.referenced = [ConfiguredPlugin(try #require(list["predicted-cost-pd-decider"]))]
    var handler = PluginArguments()
    handler.set("deciderPluginName", .text("predicted-cost-pd-decider"))
    configuration.handler = ConfiguredPlugin(try #require(list["disagg-profile-handler"]), arguments: handler)
    let prefill = Candidate(name: "p", labels: ["llm-d.ai/role": "prefill"])
    prefill.load.dispatch(uncachedTokens: queued)
    let scheduling = Scheduling([Candidate(name: "d", running: running, labels: ["llm-d.ai/role": "decode"]), prefill])
    scheduling.request.promptTokens = tokens
    scheduling.hold([heldBlocks], of: max(1, tokens / 16))
    let schedule = try scheduling.schedule(Scheduler(configuration, PluginEnvironment(seed: Scheduling.seed)))
    #expect((schedule?.prefill != nil) == isSplit)
  }

  @Test func aHeaderNamesTheProfile() throws {
    let scheduler = try scheduler("header-profile-handler", ["headerName": .text("x-profile")])
    let scheduling = Scheduling(pool)
    #expect(scheduler.headerNames == ["x-profile"])
    #expect(try scheduling.schedule(scheduler)?.decode.picks == [3])
    scheduling.context.headers = RequestHeaders([.init(name: "x-profile", value: "prefill")])
    #expect(try scheduling.schedule(scheduler)?.decode.picks == [0])
    scheduling.context.headers = RequestHeaders([.init(name: "x-profile", value: "nonsense")])
    let rejection = #expect(throws: Rejection.self) { try scheduling.schedule(scheduler) }
    #expect(rejection?.status == .badRequest)
  }

  @Test func aRankIsReachedThroughItsSidecar() throws {
    let scheduler = try scheduler(
      "data-parallel-profile-handler", ["primaryPort": .integer(9000)], profiles: ["decode"])
    let scheduling = Scheduling(pool)
    let schedule = try #require(try scheduling.schedule(scheduler))
    #expect(schedule.destination(in: scheduling.snapshot) == "10.0.0.3:9000")
    #expect(header(schedule, "x-data-parallel-host-port") == "10.0.0.3:8000")
  }

  @Test func profilesShareAPluginAndItsState() throws {
    let shared = ConfiguredPlugin(NoHitLRUScorer.descriptor)
    let configuration = SchedulerConfiguration(profiles: [
      ProfileConfiguration(name: "a", scorers: [.init(shared, weight: 1)]),
      ProfileConfiguration(name: "b", scorers: [.init(shared, weight: 2)]),
    ])
    let environment = PluginEnvironment(seed: Scheduling.seed)
    let first = Scheduler(configuration, environment)
    let scheduling = Scheduling([Candidate(name: "a"), Candidate(name: "b")])
    _ = first.picked(
      PickedRequest(
        request: scheduling.request, context: scheduling.context, endpoint: scheduling.snapshot.members[0].endpoint,
        isCold: true, now: scheduling.now))
    // A successor takes the plugin over, unless its arguments have changed.
    #expect(scheduling.scores(Scheduler(configuration, environment, replacing: first)) == [0, 1])
    var arguments = PluginArguments()
    arguments.set("lruSize", .integer(7))
    let changed = SchedulerConfiguration(
      ProfileConfiguration(
        scorers: [.init(ConfiguredPlugin(NoHitLRUScorer.descriptor, arguments: arguments), weight: 1)]))
    #expect(scheduling.scores(Scheduler(changed, environment, replacing: first)) == [1, 0])
  }
}
