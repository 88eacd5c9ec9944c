import EPPConfiguration
import EPPCore
import EPPScheduling
import EPPTestKit
import Testing

/// Files in the forms of llm-d's releases.
@Suite struct DropInConfigurationTests {
  private func read(_ body: String, version: String = "llm-d.ai/v1alpha1") throws -> PickerConfigurationFile {
    try PickerConfigurationReader.read(
      "apiVersion: \(version)\nkind: EndpointPickerConfig\n\(body)", file: "epp.yaml")
  }

  @Test(arguments: ["llm-d.ai/v1", "llm-d.ai/v1alpha1", "inference.networking.x-k8s.io/v1alpha1"])
  func everyVersionIsRead(version: String) throws {
    #expect(try read("plugins: [{type: queue-scorer}]", version: version).notes.isEmpty)
  }

  @Test(arguments: ["{pluginRef: list}", "{endpoints: {pluginRef: list}}"])
  func discoveryHasTwoForms(discovery: String) throws {
    let file = try read(
      """
      plugins: [{type: queue-scorer}, {type: file-discovery, name: list, parameters: {path: /e.yaml}}]
      dataLayer: {discovery: \(discovery)}
      """, version: "llm-d.ai/v1")
    #expect(file.endpointsFile == "/e.yaml")
  }

  @Test(
    arguments: [
      ("{maxPrefixTokensToMatch: 16384}", 16_384), ("{maxPrefixBlocksToMatch: 256}", 131_072),
      ("{maxPrefixTokensToMatch: 0, maxPrefixBlocksToMatch: 256}", 16_384),
      ("{maxPrefixTokensToMatch: 0, maxPrefixBlocksToMatch: 0}", Int.max), ("{maxPrefixTokensToMatch: 0}", 131_072),
    ])
  func theLimitOfAMatchFollowsLLMD(parameters: String, tokens: Int) throws {
    let file = try read("plugins: [{type: approx-prefix-cache-producer, parameters: \(parameters)}]")
    #expect(file.prefix.maximumTokens == tokens)
  }

  @Test func indexParametersAtTheScorerCount() throws {
    let file = try read(
      "plugins: [{type: prefix-cache-scorer, parameters: {lruCapacityPerServer: 100, autoTune: false}}]")
    #expect(file.prefix.defaultTokens == 6400 && !file.prefix.learnsCacheSize)
    #expect(
      file.notes == [
        "autoTune, lruCapacityPerServer of prefix-cache-scorer are parameters of approx-prefix-cache-producer in newer files, "
          + "and counts there"
      ])
  }

  @Test func parametersThatAFactoryDoesNotReadAreNoted() throws {
    let file = try read(
      """
      plugins:
      - {type: single-profile-handler, parameters: {scorer: queue-scorer}}
      - {type: queue-scorer, parameters: {threshold: 1}}
      - {type: max-score-picker}
      schedulingProfiles:
      - {name: default, plugins: [{pluginRef: queue-scorer}, {pluginRef: max-score-picker, weight: 2}]}
      """)
    #expect(
      file.notes == [
        "the parameters of single-profile-handler have no effect: it has none",
        "the parameters of queue-scorer have no effect: it has none",
        "the weight of 'max-score-picker' has no effect: it is a picker, no scorer",
      ])
  }

  @Test func gatesOfOlderReleasesAreNoted() throws {
    let file = try read("featureGates: [prepareDataPlugins, enableLegacyMetrics=false, dataLayer]\nplugins: []")
    #expect(file.notes.count == 3)
  }

  @Test func theDetectorOfFlowControlIsUsed() throws {
    let file = try read(
      """
      plugins: [{type: concurrency-detector, parameters: {maxConcurrency: 7}}]
      flowControl: {saturationDetector: {pluginRef: concurrency-detector}}
      """)
    #expect(file.scheduler.detector.descriptor == ConcurrencyDetector.descriptor)
    #expect(file.notes.isEmpty)
    #expect(try read("plugins: []").scheduler.detector.descriptor == UtilizationDetector.descriptor)
  }

  @Test func severalProfilesNeedAHandler() throws {
    let profiles = "schedulingProfiles: [{name: prefill}, {name: decode}]"
    #expect(throws: ConfigurationProblems.self) { try read("plugins: [{type: queue-scorer}]\n\(profiles)") }
    #expect(throws: ConfigurationProblems.self) { try read("plugins: [{type: single-profile-handler}]\n\(profiles)") }
    let file = try read("plugins: [{type: disagg-profile-handler}]\n\(profiles)")
    #expect(file.scheduler.profiles.map(\.name) == ["prefill", "decode"])
    #expect(file.scheduler.handler?.descriptor.type == "disagg-profile-handler")
  }

  @Test func theFlatFormOfTheHandlerNamesProfilesAndDeciders() throws {
    let file = try read(
      """
      plugins:
      - {type: always-disagg-pd-decider}
      - {type: pd-profile-handler, parameters: {decodeProfile: d, prefillProfile: p, deciderPluginName: always-disagg-pd-decider}}
      schedulingProfiles: [{name: p}, {name: d}]
      """)
    #expect(file.notes.count == 2 && file.notes[0].hasPrefix("'pd-profile-handler' is removed"))
    #expect(file.notes.last?.contains("'profiles' and 'deciders'") == true)
    #expect(throws: ConfigurationProblems.self) {
      try read(
        "plugins: [{type: disagg-profile-handler, parameters: {profiles: {decode: x}}}]\nschedulingProfiles: [{name: d}]"
      )
    }
  }

  @Test func aProducerMayBeAnExtractor() throws {
    let text = """
      plugins: [{type: metrics-data-source}, {type: precise-prefix-cache-producer}, {type: queue-scorer}]
      dataLayer: {sources: [{pluginRef: metrics-data-source, extractors: [{pluginRef: precise-prefix-cache-producer}]}]}
      """
    #expect(try read(text).precise?.eventsPort == 5557)
  }

  @Test func eventsAreReceivedAtALocalName() throws {
    let file = try read(
      "plugins: [{type: precise-prefix-cache-producer, parameters: {kvEventsConfig: {zmqEndpoint: 'tcp://localhost:5557'}}}]"
    )
    #expect(file.precise?.eventsBind == "tcp://127.0.0.1:5557")
  }

  @Test(
    arguments: [
      ("", [.chatCompletions, .messages, .generate]), ("requestHandler: {parsers: []}", [.chatCompletions]),
      ("requestHandler: {parsers: [{pluginRef: passthrough-parser}]}", []),
      ("requestHandler: {parsers: [{pluginRef: openai-parser}, {pluginRef: passthrough-parser}]}", [.chatCompletions]),
      ("parser: {pluginRef: sglanghttp-parser}", [.sglangGenerate]),
      ("parser: {pluginRef: vllmgrpc-parser}", [.vllmGRPCGenerate, .vllmGRPCEmbed]),
    ] as [(String, Set<InferenceAPI>)])
  func parsersSayWhichBodiesAreRead(section: String, apis: Set<InferenceAPI>) throws {
    let plugins =
      "plugins: [{type: passthrough-parser}, {type: openai-parser}, {type: sglanghttp-parser}, {type: vllmgrpc-parser}]\n"
    let read = ParserSettings(of: try read(plugins + section).parsers).apis
    #expect(read.isSuperset(of: apis) && apis.isEmpty == read.isEmpty)
    #expect(read.contains(.sglangGenerate) == apis.contains(.sglangGenerate))
  }

  @Test func flagsOfNewerReleasesAreTaken() throws {
    let configuration = try FlagsUnderTest().validated(
      "--feature-gates=haPopulateNonLeaderDatastore=true,flowControl=false",
      "--fairness-id-metric-label-limit=0",
      "--plugin-state-staleness-threshold=5m",
      "--watch-config-file=false")
    #expect(configuration.observability.fairnessIDLimit == 0 && !configuration.scheduling.watchesFile)
    #expect(
      configuration.warnings == [
        "--feature-gates: the feature gate haPopulateNonLeaderDatastore has no effect: every replica has the pool"
      ])
    #expect(
      FlagsUnderTest().problems(
        "--feature-gates=flowControl,nonsense", "--fairness-id-metric-label-limit=-1",
        "--plugin-state-staleness-threshold=x") == [
          "--fairness-id-metric-label-limit: -1 is not from 0 to 1000000",
          "--feature-gates: the feature gate flowControl is known in llm-d but not supported by this version yet",
          "--feature-gates: unknown feature gate 'nonsense' (known: flowControl, dataLayer, enableLegacyMetrics, "
            + "haPopulateNonLeaderDatastore, prepareDataPlugins)",
          "--plugin-state-staleness-threshold: 'x' is not a duration such as 50ms, 5s or 1m30s",
        ])
  }
}
