import EPPConfiguration
import EPPScheduling
import Testing

@Suite struct WeightListingTests {
  private func report(_ changes: [String: Double], source: String?, of profile: ProfileConfiguration = .weighted) throws
    -> WeightReport
  {
    let changed = changes.isEmpty ? [profile] : try WeightChange.applied(changes, to: [profile])
    return WeightReport(inForce: changed, configured: [profile], source: source)
  }

  @Test func theTableShowsBothWeights() throws {
    #expect(
      WeightListing.table(try report(["queue-scorer": 0.5], source: nil)) == """
        profile  scorer                       weight  configured
        default  queue-scorer                 0.5     2
        default  kv-cache-utilization-scorer  2       2
        default  prefix-cache-scorer          3       3
        default  session-affinity-scorer      2       2
        """)
    #expect(WeightListing.table(WeightReport(scorers: [], source: nil)).contains("at random"))
  }

  @Test func nothingIsAdvisedWhereNothingDiffers() throws {
    #expect(WeightListing.advice(try report([:], source: nil)) == nil)
    #expect(WeightListing.advice(try report(["queue-scorer": 2], source: "epp.yaml")) == nil)
  }

  @Test func whatIsAdvisedWithoutAFileMakesTheSameWeights() throws {
    let report = try report(["queue-scorer": 0.25, "prefix-cache-scorer": 9], source: nil)
    let advice = try #require(WeightListing.advice(report))
    #expect(advice.hasPrefix("These weights hold for this process alone, until its configuration is read again or it"))
    let flags = try #require(advice.split(separator: "\n").first { $0.contains("--scorer") })
    let made = try FlagsUnderTest().validated(flags.split(separator: " ").map(String.init))
    #expect(
      made.scheduling.scheduler.profile.scorers
        == (try WeightChange.applied(["queue-scorer": 0.25, "prefix-cache-scorer": 9], to: [.weighted]))[0].scorers)
  }

  @Test func whatIsAdvisedWithAFileAreTheChangedLines() throws {
    let names = ["plain", "true", "1", "with: colon", "quote\"d", "-", "null"]
    let profile = ProfileConfiguration(
      name: "odd: name",
      scorers: names.map { .init(ConfiguredPlugin(QueueScorer.descriptor, name: $0), weight: 1) })
    let changes = Dictionary(uniqueKeysWithValues: names.map { ($0, 2.0) })
    let advice = try #require(WeightListing.advice(try report(changes, source: "epp.yaml", of: profile)))
    #expect(advice.contains("write these weights into epp.yaml:\n\n"))
    let lines = String(try #require(advice.split(separator: "\n\n").last))
    // With the plugins, which the file has, the lines are a whole.
    let head = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins:\n"
    let plugins = ["plain", "\"true\"", "\"1\"", "'with: colon'", "'quote\"d'", "'-'", "\"null\""]
      .map { "- { type: queue-scorer, name: \($0) }\n" }.joined()
    let read = try PickerConfigurationReader.read(head + plugins + lines, file: "advice", plugins: .standard)
    #expect(read.scheduler.profile.name == "odd: name")
    #expect(
      read.scheduler.profile.scorers.map(\.plugin.name) == names
        && read.scheduler.profile.scorers.allSatisfy { $0.weight == 2 })
    let one = try #require(WeightListing.advice(try report(["queue-scorer": 4], source: "epp.yaml")))
    #expect(
      one.hasSuffix("\n\nschedulingProfiles:\n- name: default\n  plugins:\n  - pluginRef: queue-scorer\n    weight: 4"))
  }

  @Test(arguments: [
    ("queue-scorer=3", "queue-scorer", 3), ("a=0", "a", 0), ("a=1e3", "a", 1000), ("a=1000000", "a", 1_000_000),
    ("short queues=0.5", "short queues", 0.5),
  ]) func assignmentsAreRead(_ text: String, _ name: String, _ weight: Double) throws {
    let read = try WeightText.assignment(text)
    #expect(read.name == name && read.weight == weight)
  }

  @Test(arguments: ["", "=", "=1", "a", "a=", "a=x", "a=-1", "a=1000001", "a=nan", "a=inf", "a=0x1", "a=1=2", "a= 1"])
  func otherTextsAreNone(_ text: String) {
    let problem = #expect(throws: ConfigurationProblem.self) { _ = try WeightText.assignment(text) }
    #expect(
      problem?.message == "'\(text)' is not NAME=WEIGHT with a weight from 0 to 1000000, such as queue-scorer=3")
  }
}
