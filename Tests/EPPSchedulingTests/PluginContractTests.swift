import EPPCore
import EPPPrefixCache
import EPPScheduling
import EPPTestKit
import Synchronization
import Testing

/// A filter that keeps what a test says.
private struct TestFilter: Filter {
  let isWanted: @Sendable (borrowing SchedulingContext, Int) -> Bool

  func filter(_ context: borrowing SchedulingContext, _ selection: inout CandidateSelection) {
    var wanted: [Bool] = []
    for position in context.candidates.indices { wanted.append(isWanted(context, position)) }
    selection.keep(context) { wanted[$0] }
  }

  static func plugin(
    _ name: String, _ isWanted: @escaping @Sendable (borrowing SchedulingContext, Int) -> Bool
  ) -> ConfiguredPlugin {
    ConfiguredPlugin(
      PluginDescriptor(name, "Keeps some", parts: [.filter { _, _ in TestFilter(isWanted: isWanted) }]))
  }
}

@Suite struct PluginContractTests {
  private let four = ["a", "b", "c", "d"].map { Candidate(name: $0) }

  private func profile(_ filters: [ConfiguredPlugin]) -> Scheduler {
    Scheduler(
      ProfileConfiguration(filters: filters, scorers: [.init(.queue, weight: 1)]), seed: Scheduling.seed)
  }

  @Test func filtersAreAppliedInTheOrderOfTheProfile() throws {
    let scheduling = Scheduling(four)
    scheduling.hold([0, 2, 8, 8], of: 8)
    let notLast = TestFilter.plugin("not-last") { context, position in context.candidates[position] != 3 }
    let warm = TestFilter.plugin("warm") { context, position in
      context.match.matchedBlocks(context.slots[position]) > 4
    }
    // The second one sees what the first one leaves.
    let second = TestFilter.plugin("second") { _, position in position == 1 }
    #expect(scheduling.left(profile([warm, notLast])) == ["c"])
    #expect(scheduling.left(profile([warm, second])) == ["d"])
    #expect(scheduling.left(profile([second, warm])) == [])
  }

  @Test func filtersSeeTheLoadsOfThoseThatAreLeft() throws {
    let scheduling = Scheduling([
      Candidate(name: "a", waiting: 9), Candidate(name: "b", waiting: 1), Candidate(name: "c", waiting: 5),
    ])
    let first = TestFilter.plugin("first") { _, position in position > 0 }
    let short = TestFilter.plugin("short") { context, position in
      context.loads[position].queueDepth > 1
    }
    #expect(scheduling.decide(profile([first, short]))?.picks == [2])
  }

  @Test func filtersThatLeaveNoneLeaveNoDecision() {
    let scheduling = Scheduling(four)
    #expect(scheduling.decide(profile([TestFilter.plugin("none") { _, _ in false }])) == nil)
    #expect(scheduling.left(profile([TestFilter.plugin("none") { _, _ in false }])) == [])
    // The next request has all of them again.
    #expect(scheduling.candidates() == ["a", "b", "c", "d"])
  }

  @Test func aSelectionIsNarrowedStepByStep() {
    let scheduling = Scheduling(four)
    _ = scheduling.candidates()
    var selection = CandidateSelection()
    selection.keep(scheduling.scratch.context) { $0 != 0 }
    selection.keep(scheduling.scratch.context) { $0 != 2 }
    let twice = TestFilter.plugin("twice") { _, position in position != 0 && position != 2 }
    #expect(scheduling.left(profile([twice])) == ["b", "d"])
  }

  @Test func aViewShowsNoMoreThanItsMaximum() {
    let scheduling = Scheduling(four)
    scheduling.hold([0, 5, 10, 20], of: 20)
    let match = scheduling.scratch.context.match
    let slots = scheduling.snapshot.members.map(\.endpoint.slot)
    let short = PrefixView(maximumTokens: 128)
    #expect(slots.map { short.matchedTokens(match, $0) } == [0, 80, 128, 128])
    #expect(slots.map { short.ratio(match, $0) } == [0, 0.625, 1, 1])
    #expect(slots.map { PrefixView.whole.ratio(match, $0) } == [0, 0.25, 0.5, 1])
    // These are token ids: nothing was found by text.
    #expect(slots.map { PrefixView(.routedText).ratio(match, $0) } == [0, 0, 0, 0])
  }

  @Test func scorersReadTheViewOfTheirProducer() {
    let scheduling = Scheduling(four)
    scheduling.hold([0, 5, 10, 20], of: 20)
    let plugin = ConfiguredPlugin(PrefixCacheScorer.descriptor, PrefixCacheScorer.producer, "short")
    let environment = PluginEnvironment(
      seed: Scheduling.seed, prefixViews: ["short": PrefixView(maximumTokens: 128)])
    let profile = Scheduler(ProfileConfiguration(scorers: [.init(plugin, weight: 1)]), environment)
    #expect(scheduling.scores(profile) == [0, 0.625, 1, 1])
  }

  /// A scorer that knows which one of its type it is.
  private struct NumberedScorer: Scorer {
    let number: Double

    func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
      for index in scores.indices { scores[index] = number / 8 }
    }
  }

  @Test func pluginsThatStayTheSameAreTakenOver() {
    let made = Atomic<Int>(0)
    let descriptor = PluginDescriptor(
      "numbered-scorer", "Counts",
      parts: [
        .scorer { _, _ in NumberedScorer(number: Double(made.wrappingAdd(1, ordering: .relaxed).newValue)) }
      ])
    func configuration(weight: Double) -> ProfileConfiguration {
      ProfileConfiguration(scorers: [.init(ConfiguredPlugin(descriptor), weight: weight)])
    }
    let environment = PluginEnvironment(seed: Scheduling.seed)
    let scheduling = Scheduling([Candidate(name: "a")])
    let old = Scheduler(configuration(weight: 1), environment)
    let new = Scheduler(configuration(weight: 4), environment, replacing: old)
    #expect(scheduling.scores(new) == [0.5])
    // Without a predecessor, or in another environment, it is another one.
    #expect(scheduling.scores(Scheduler(configuration(weight: 1), environment)) == [0.25])
    let other = PluginEnvironment(seed: Scheduling.seed)
    #expect(scheduling.scores(Scheduler(configuration(weight: 1), other, replacing: new)) == [0.375])
  }

  @Test func theListKnowsTypesByAllTheirNames() {
    let list = PluginList.standard
    #expect(list["queue-scorer"]?.type == "queue-scorer")
    #expect(list["tokenizer"]?.type == "token-producer")
    #expect(list["queue-scorrer"] == nil)
    #expect(list.types(.picker) == ["max-score-picker", "random-picker", "weighted-random-picker"])
    #expect(list.isUnsupported("latency-scorer"))
    #expect(list.isUnsupported("multicluster-anything"))
    #expect(!list.isUnsupported("queue-scorer"))
    #expect(!list.isUnsupported("nonsense"))
    for descriptor in list.descriptors { #expect(!list.isUnsupported(descriptor.type)) }
  }
}
