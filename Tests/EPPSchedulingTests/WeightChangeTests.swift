import EPPScheduling
import Testing

@Suite struct WeightChangeTests {
  private let weighted = ProfileConfiguration.weighted

  private func problems(_ weights: [String: Double], _ profiles: [ProfileConfiguration]? = nil) -> [String] {
    do throws(WeightProblem) { _ = try WeightChange.applied(weights, to: profiles ?? [weighted]) } catch {
      return error.problems
    }
    return []
  }

  private func weights(_ profile: ProfileConfiguration) -> [String: Double] {
    Dictionary(uniqueKeysWithValues: profile.scorers.map { ($0.plugin.name, $0.weight) })
  }

  @Test func namedScorersChangeAndOthersStay() throws {
    let changed = try WeightChange.applied(["queue-scorer": 7.5, "prefix-cache-scorer": 0], to: [weighted])
    #expect(changed.count == 1)
    #expect(
      weights(changed[0]) == [
        "queue-scorer": 7.5, "prefix-cache-scorer": 0, "kv-cache-utilization-scorer": 2, "session-affinity-scorer": 2,
      ])
    var expected = weighted
    expected.scorers = changed[0].scorers
    #expect(changed[0] == expected)
  }

  @Test func aNameOfSeveralProfilesChangesInAll() throws {
    var other = weighted
    other.name = "other"
    other.scorers.removeLast(2)
    let changed = try WeightChange.applied(["queue-scorer": 1], to: [weighted, other])
    #expect(changed.map { weights($0)["queue-scorer"] } == [1, 1])
    #expect(changed.map(\.name) == ["default", "other"])
  }

  @Test func aTypeIsANameWhereItIsTheOnlyOne() throws {
    var profile = ProfileConfiguration(scorers: [
      .init(ConfiguredPlugin(QueueScorer.descriptor, name: "short queues"), weight: 1)
    ])
    #expect(weights(try WeightChange.applied(["queue-scorer": 5], to: [profile])[0]) == ["short queues": 5])
    #expect(problems(["queue-scorer": 5, "short queues": 6], [profile]) == ["'short queues' is named twice"])
    profile.scorers.append(.init(ConfiguredPlugin(QueueScorer.descriptor, name: "shorter queues"), weight: 1))
    #expect(
      problems(["queue-scorer": 5], [profile]) == [
        "several scorers are a 'queue-scorer': name one of them (in force: short queues, shorter queues)"
      ])
  }

  @Test func everyProblemIsSaid() {
    let inForce =
      "(in force: queue-scorer, kv-cache-utilization-scorer, prefix-cache-scorer, session-affinity-scorer)"
    #expect(
      problems([
        "quue-scorer": 1, "lora-affinity-scorer": 1, "max-score-picker": 1, "prefix-cache-scorer": -1, "x": 2e6,
      ])
        == [
          "'lora-affinity-scorer' is not in force: scorers are added by the configuration file or by --scorer, not here "
            + inForce,
          "there is no scorer 'max-score-picker' \(inForce)",
          "the weight of 'prefix-cache-scorer' has to be from 0 to 1000000, and is -1.0",
          "there is no scorer 'quue-scorer'; did you mean 'queue-scorer'? \(inForce)",
          "the weight of 'x' has to be from 0 to 1000000, and is 2000000.0",
          "there is no scorer 'x' \(inForce)",
        ])
    #expect(problems([:]) == [#"no scorer is named: give one with its weight, such as {"queue-scorer": 3}"#])
    #expect(problems(["queue-scorer": .nan]).count == 1 && problems(["queue-scorer": .infinity]).count == 1)
    #expect(problems(["queue-scorer": 1_000_000, "prefix-cache-scorer": 0]) == [])
    #expect(problems(["x": 1], [ProfileConfiguration(scorers: [])]) == ["there is no scorer 'x' (in force: none)"])
  }

  @Test func aReportHasWhatIsInForceAndWhatIsConfigured() throws {
    let changed = try WeightChange.applied(["queue-scorer": 3], to: [weighted])
    let report = WeightReport(inForce: changed, configured: [weighted], source: "epp.yaml")
    #expect(report.scorers.map(\.weight) == [3, 2, 3, 2] && report.scorers.map(\.configuredWeight) == [2, 2, 3, 2])
    #expect(report.scorers[0].profile == "default" && report.scorers[0].type == "queue-scorer")
    #expect(report.source == "epp.yaml")
  }
}
