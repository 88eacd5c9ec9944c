import EPPConfiguration
import EPPCore
import EPPMetrics
import EPPPrefixCache
import EPPScheduling
import EPPTestKit
import Testing

/// A scorer as somebody would add it: this type, and a line in the list.
private struct WarmStartScorer: Scorer {
  static let halfLife = TypedParameter<Int>.integer(
    "halfLifeSeconds", 1...3600, default: 60, "Seconds to half the score")
  static let floor = TypedParameter<Double>.number("floor", 0...1, default: 0.25, "The least score")

  static let descriptor = PluginDescriptor(
    "warm-start-scorer", olderNames: ["warm-up-scorer"], "Prefers endpoints that have served for a while",
    parameters: [halfLife.declaration, floor.declaration], parts: [.scorer { arguments, _ in Self(arguments) }])

  private let floor: Double

  init(_ arguments: PluginArguments) { floor = arguments[Self.floor] * Double(arguments[Self.halfLife]) / 60 }

  func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    for index in scores.indices { scores[index] = floor }
  }
}

@Suite struct AddedPluginTests {
  private let plugins = PluginList.standard.adding(WarmStartScorer.descriptor)

  private func read(_ body: String) throws -> PickerConfigurationFile {
    try PickerConfigurationReader.read(TestText.head + body, file: "epp.yaml", plugins: plugins)
  }

  private func problems(_ body: String) -> [String] {
    do throws(ConfigurationProblems) {
      _ = try PickerConfigurationReader.read(TestText.head + body, file: "epp.yaml", plugins: plugins)
      return []
    } catch {
      return error.problems.map(\.description)
    }
  }

  private let pool = PoolSnapshot(members: [
    PoolSnapshot.Member(
      endpoint: Endpoint(
        name: "e", address: EndpointAddress(host: "10.0.0.1", port: 8000), slot: EndpointSlot(index: 0, generation: 1)),
      metrics: EndpointMetrics(), load: EndpointLoad(), isStale: false)
  ])

  private func score(_ configuration: ProfileConfiguration, timing: PluginTiming? = nil) -> Double? {
    let profile = Scheduler(
      configuration, PluginEnvironment(seed: HashSeed(first: 1, second: 2)), timing: timing)
    var scratch = SchedulingScratch(seed: 1)
    profile.selectCandidates(
      pool, InferenceRequest(api: .completions), RequestContext(requestID: "r"), now: MonotonicTime(nanoseconds: 0),
      &scratch)
    return (try? profile.schedule(&scratch))?.decode.score
  }

  @Test func itIsConfiguredByAFile() throws {
    let file = try read(
      """
      plugins:
      - {type: warm-start-scorer, name: warm, parameters: {halfLifeSeconds: 30, floor: 0.5}}
      schedulingProfiles: [{name: main, plugins: [{pluginRef: warm, weight: 2}]}]
      """)
    #expect(score(file.scheduler.profile) == 0.5)
    #expect(file.summary.contains("profile main: warm=2; max-score-picker"))
    #expect(score(try read("plugins: [{type: warm-up-scorer}]").scheduler.profile) == 0.25)
  }

  @Test func itIsConfiguredByAFlag() throws {
    let configuration = try FlagsUnderTest(plugins: plugins).validated("--scorer=warm-start-scorer=4")
    #expect(score(configuration.scheduling.scheduler.profile) == 1)
  }

  @Test func mistakesInItsParametersAreFound() {
    #expect(
      problems("plugins: [{type: warm-start-scorer, parameters: {halfLifeSeconds: 0, floors: 1}}]") == [
        "epp.yaml:3:67: halfLifeSeconds has to be a whole number from 1 to 3600",
        "epp.yaml:3:70: unknown field 'floors' in the parameters of warm-start-scorer; did you mean 'floor'?",
      ])
  }

  @Test func itIsSuggested() {
    #expect(
      problems("plugins: [{type: warm-star-scorer}]") == [
        "epp.yaml:3:18: unknown plugin type 'warm-star-scorer'; did you mean 'warm-start-scorer'?"
      ])
    #expect(throws: ConfigurationProblem.self) { try WeightText.parse("warm-start-scorr", plugins: plugins) }
    do {
      _ = try WeightText.parse("warm-start-scorr", plugins: plugins)
    } catch {
      #expect(error.message.contains("did you mean 'warm-start-scorer'?"))
    }
  }

  @Test func itIsListedWithItsParameters() {
    let text = PluginReport.text(of: plugins)
    #expect(
      text.hasSuffix(
        """
        warm-start-scorer (scorer)
          Prefers endpoints that have served for a while.
          Also: warm-up-scorer
            halfLifeSeconds: 1 to 3600, default 60
              Seconds to half the score.
            floor: 0 to 1, default 0.25
              The least score.
        """))
    let json = PluginReport.json(of: plugins)
    #expect(json.contains(#""type" : "warm-start-scorer""#))
    #expect(json.contains(#""name" : "halfLifeSeconds""#))
  }

  @Test func itsTimeIsMeasuredUnderItsNames() throws {
    let metrics = PickerMetrics()
    let file = try read("plugins: [{type: warm-start-scorer, name: warm}]")
    _ = score(file.scheduler.profile, timing: PluginTiming(metrics: metrics, now: { MonotonicTime(nanoseconds: 0) }))
    let page = String(decoding: metrics.page(), as: UTF8.self)
    #expect(
      page.contains(
        #"plugin_duration_seconds_count{extension_point="Scorer",plugin_type="warm-start-scorer",plugin_name="warm"} 1"#
      ))
    #expect(page.contains(#"epp_decisions_total{profile="default",reason="scorer",plugin_name="warm"}"#))
  }

  @Test func everyTypeOfTheListIsReadWithoutParameters() throws {
    for descriptor in PluginList.standard.descriptors {
      #expect(!descriptor.summary.hasSuffix("."))
      #expect(Set(descriptor.parameters.map(\.key)).count == descriptor.parameters.count)
      // One that cannot do without says so.
      let profiles = "schedulingProfiles: [{name: decode}]"
      let found = problems("plugins: [{type: \(descriptor.type)}]\n\(profiles)")
      #expect(found.allSatisfy { $0.contains(" needs ") }, "\(descriptor.type): \(found)")
    }
  }
}
