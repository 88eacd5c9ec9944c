import EPPCore
import EPPMetrics
import EPPScheduling
import EPPTestKit
import Testing

@Suite struct SchedulingProfileTests {
  private func profile(
    _ scorers: [(ConfiguredPlugin, Double)], picker: ConfiguredPlugin = .maximumScore(maximumEndpoints: 1)
  ) -> Scheduler {
    Scheduler(
      ProfileConfiguration(
        scorers: scorers.map { ProfileConfiguration.WeightedScorer($0.0, weight: $0.1) }, picker: picker),
      seed: Scheduling.seed)
  }

  @Test func theDefaultProfileIsLLMDsForRequestsWithoutASession() throws {
    // queue 2, free cache 2, prefix 3: a = 0 + 2·0.5 + 3·1 = 4, b = 2·1 + 2·0.75 + 0 = 3.5, c = 2·0.5 + 2·1 + 0 = 3.
    let scheduling = Scheduling([
      Candidate(name: "a", waiting: 4, usage: 0.5), Candidate(name: "b", waiting: 0, usage: 0.25),
      Candidate(name: "c", waiting: 2, usage: 0),
    ])
    scheduling.hold([8, 0, 0], of: 8)
    let decision = try #require(scheduling.decide(Scheduler(.weighted, seed: Scheduling.seed)))
    #expect(scheduling.scratch.totals == [4, 3.5, 3])
    #expect(decision.picks == [0])
    #expect(decision.score == 4)
    #expect(decision.runnerUp == 1)
    #expect(decision.reason == .scorer(name: "prefix-cache-scorer", advantage: 3))
    #expect(decision.decidingScorer == "prefix-cache-scorer")
    #expect(decision.matchedBlocks == 8)
    #expect(decision.totalBlocks == 8)
    #expect(decision.matchedTokens == 128)
    #expect(decision.candidateCount == 3)
  }

  @Test func aShortQueueOutweighsAShortPrefix() throws {
    let scheduling = Scheduling([Candidate(name: "a", waiting: 4, usage: 0.5), Candidate(name: "b", usage: 0.5)])
    scheduling.hold([5, 0], of: 10)
    let decision = try #require(scheduling.decide(Scheduler(.weighted, seed: Scheduling.seed)))
    #expect(decision.picks == [1])
    #expect(decision.decidingScorer == "queue-scorer")
    #expect(decision.matchedBlocks == 0)
  }

  @Test func withoutAnyDifferenceOneIsTakenAtRandom() throws {
    let scheduling = Scheduling((0..<4).map { Candidate(name: "e\($0)") })
    let profile = Scheduler(.weighted, seed: Scheduling.seed)
    var counts = Array(repeating: 0, count: 4)
    for _ in 0..<4_000 {
      let decision = try #require(scheduling.decide(profile))
      #expect(decision.reason == .tie)
      #expect(decision.decidingScorer == nil)
      counts[decision.picks[0]] += 1
    }
    // An even share is 1,000 with a standard deviation of 27.
    #expect(counts.allSatisfy { (850...1_150).contains($0) })
  }

  @Test func opinionsThatCancelOutAreATie() throws {
    let scheduling = Scheduling([
      Candidate(name: "a", waiting: 1, running: 0), Candidate(name: "b", waiting: 0, running: 1),
    ])
    let decision = try #require(scheduling.decide(profile([(.queue, 1), (.runningRequests, 1)])))
    #expect(decision.reason == .tie)
  }

  @Test func aSingleCandidateNeedsNoReason() throws {
    let scheduling = Scheduling([Candidate(name: "a")])
    let decision = try #require(scheduling.decide(Scheduler(.weighted, seed: Scheduling.seed)))
    #expect(decision.picks == [0])
    #expect(decision.runnerUp == nil)
    #expect(decision.reason == .onlyCandidate)
  }

  @Test func noEndpointMeansNoDecision() {
    let scheduling = Scheduling([])
    #expect(scheduling.decide(Scheduler(.weighted, seed: Scheduling.seed)) == nil)
    #expect(scheduling.scratch.context.candidates.isEmpty)
  }

  @Test func fallbacksAreDistinctAndTheSecondIsTheRunnerUp() throws {
    let scheduling = Scheduling([
      Candidate(name: "a", waiting: 3), Candidate(name: "b", waiting: 1), Candidate(name: "c", waiting: 0),
    ])
    let decision = try #require(
      scheduling.decide(profile([(.queue, 1)], picker: .maximumScore(maximumEndpoints: 3))))
    #expect(decision.picks == [2, 1, 0])
    #expect(decision.runnerUp == 1)
  }

  @Test func aPickAgainstTheSumsIsSaidToBeRandom() throws {
    let scheduling = Scheduling([Candidate(name: "a", waiting: 3), Candidate(name: "b", waiting: 0)])
    let profile = profile([(.queue, 1)], picker: .random(maximumEndpoints: 1))
    var reasons: [Decision.Reason] = []
    for _ in 0..<50 {
      let decision = try #require(scheduling.decide(profile))
      if !reasons.contains(decision.reason) { reasons.append(decision.reason) }
    }
    #expect(reasons.count == 2)
    #expect(reasons.contains(.random))
    #expect(reasons.contains(.scorer(name: "queue-scorer", advantage: 1)))
  }

  @Test func theReasonBearsTheNameThatTheFileGives() throws {
    let scheduling = Scheduling([Candidate(name: "a", waiting: 3), Candidate(name: "b", waiting: 0)])
    let configuration = ProfileConfiguration(
      scorers: [ProfileConfiguration.WeightedScorer(.queue.named("my-queue"), weight: 1.5)],
      picker: .maximumScore(maximumEndpoints: 1))
    let decision = try #require(scheduling.decide(Scheduler(configuration, seed: Scheduling.seed)))
    #expect(decision.reason == .scorer(name: "my-queue", advantage: 1.5))
  }

  @Test func decisionsAreCountedByTheirReason() throws {
    let metrics = PickerMetrics()
    let configuration = ProfileConfiguration(
      scorers: [.init(.queue, weight: 1), .init(.runningRequests, weight: 1)],
      picker: .maximumScore(maximumEndpoints: 1))
    let scheduler = Scheduler(
      configuration, PluginEnvironment(seed: Scheduling.seed, metrics: metrics),
      timing: PluginTiming(metrics: metrics, now: { MonotonicTime(nanoseconds: 0) }))
    for candidates in [
      [Candidate(name: "a", running: 3), Candidate(name: "b", running: 0)],
      [Candidate(name: "a", running: 0), Candidate(name: "b", running: 2)],
      [Candidate(name: "a", waiting: 1, running: 0), Candidate(name: "b", waiting: 0, running: 1)],
      [Candidate(name: "a")],
    ] {
      _ = try #require(Scheduling(candidates).decide(scheduler))
    }
    let counted = String(decoding: metrics.page(), as: UTF8.self).split(separator: "\n").filter {
      $0.hasPrefix("epp_decisions_total{") && !$0.hasSuffix(" 0")
    }
    #expect(
      counted == [
        #"epp_decisions_total{profile="default",reason="only_candidate",plugin_name=""} 1"#,
        #"epp_decisions_total{profile="default",reason="scorer",plugin_name="running-requests-size-scorer"} 2"#,
        #"epp_decisions_total{profile="default",reason="tie",plugin_name=""} 1"#,
      ])
  }

  @Test func everyNumberOfADecisionCanBeExplained() throws {
    let scheduling = Scheduling([
      Candidate(name: "a", waiting: 4, usage: 0.5), Candidate(name: "b", waiting: 0, usage: 0.25),
    ])
    scheduling.hold([8, 2], of: 8)
    let profile = Scheduler(.weighted, seed: Scheduling.seed)
    scheduling.scratch.trace = DecisionTrace()
    let decision = try #require(scheduling.decide(profile))
    let run = try #require(scheduling.scratch.trace?.runs.first)
    #expect(run.profile == "default" && run.stage == .decode)
    #expect(run.filters.map(\.filter) == ["utilization-detector"])
    let explanation = try #require(run.explanation)
    #expect(explanation.decision == decision)
    #expect(explanation.candidates.map(\.name) == ["b", "a"])
    #expect(explanation.candidates.map(\.matchedBlocks) == [2, 8])
    let best = explanation.candidates[0]
    #expect(best.opinions.map(\.scorer) == profile.configuration.profile.scorers.map(\.plugin.name))
    #expect(best.opinions.map(\.score) == [1, 0.75, 0.25, 0])
    #expect(best.load.queueDepth == 0)
    for candidate in explanation.candidates {
      #expect(candidate.total == candidate.opinions.reduce(0) { $0 + $1.weight * $1.score })
    }
  }

  @Test func weightsThatAreNoNumberWeighNothing() throws {
    let scheduling = Scheduling([Candidate(name: "a", waiting: 3), Candidate(name: "b", waiting: 0)])
    for weight in [Double.nan, .infinity, -1] {
      let decision = try #require(scheduling.decide(profile([(.queue, weight)])))
      #expect(decision.reason == .tie)
      #expect(decision.score == 0)
    }
  }

  @Test func everyScorerAndPickerOfTheListSchedules() throws {
    let types = PluginList.standard.descriptors
    let scorers = types.filter { $0.roles.contains(.scorer) }.map { ConfiguredPlugin($0) }
    let pickers = types.filter { $0.roles.contains(.picker) }
    #expect(scorers.count >= 6 && pickers.count >= 2)
    for picker in pickers {
      let scheduling = Scheduling([Candidate(name: "a"), Candidate(name: "b")])
      let both = ConfiguredPlugin(picker, PickerParameters.maximumEndpoints, 2)
      let decision = try #require(scheduling.decide(profile(scorers.map { ($0, 1) }, picker: both)))
      #expect(Set(decision.picks) == [0, 1])
    }
  }

  @Test func aProfileTellsWhatItReads() {
    #expect(profile([(.queue, 1)]).usesPrefixes == false)
    #expect(profile([(.prefixCache, 1)]).usesPrefixes)
    #expect(profile([(.sessionAffinity, 1)]).headerNames == ["x-session-id"] + AgentIdentity.knownHeaders)
    #expect(profile([(.sessionAffinity(header: "x-my-session"), 1)]).headerNames == ["x-my-session"])
    #expect(profile([(.sessionAffinity(trustedHops: 1), 1)]).headerNames == [])
  }
}
