import EPPConfiguration
import EPPPrefixCache
import EPPScheduling
import EPPTestKit
import Testing

@Suite struct PickerConfigurationReaderTests {
  private func read(_ body: String) throws -> PickerConfigurationFile {
    try PickerConfigurationReader.read(TestText.head + body, file: "epp.yaml")
  }

  @Test func llmdsDefaultLoadsUnchanged() throws {
    let file = try PickerConfigurationReader.read(TestText.standard, file: "epp.yaml")
    #expect(
      file.scheduler.profile
        == ProfileConfiguration(
          name: "default",
          scorers: [
            .init(.queue, weight: 2), .init(.kvCacheUtilization, weight: 2),
            .init(.prefixCache, weight: 3),
          ], picker: .maximumScore(maximumEndpoints: 1)))
    #expect(file.prefix == PrefixSettings())
    #expect(file.notes.isEmpty)
  }

  @Test func theOldNameOfTheVersionLoads() throws {
    let text = TestText.standard.replacing("llm-d.ai/v1alpha1", with: "inference.networking.x-k8s.io/v1alpha1")
    #expect(TestText.problems(text).isEmpty)
  }

  @Test func mergeKeysBringMembers() throws {
    let file = try read(
      """
      plugins:
      - &queue {type: queue-scorer, name: first}
      - {<<: *queue, name: second}
      schedulingProfiles:
      - name: p
        plugins: [{pluginRef: first, &w weight: 3}, {<<: [{pluginRef: second}, {weight: 5, pluginRef: first}]}]
      """)
    #expect(
      file.scheduler.profile.scorers == [
        .init(.queue.named("first"), weight: 3), .init(.queue.named("second"), weight: 5),
      ])
    #expect(
      TestText.problems(
        TestText.head + "plugins: [{<<: {typ: a}, type: queue-scorer}, {<<: 3, type: queue-scorer, name: b}]")
        == [
          "epp.yaml:3:17: unknown field 'typ' in a plugin; did you mean 'type'?",
          "epp.yaml:3:52: '<<' takes a mapping or a list of mappings, such as *name",
        ])
  }

  @Test func aByteOrderMarkIsPassedOver() throws {
    #expect(TestText.problems("\u{FEFF}" + TestText.standard).isEmpty)
  }

  @Test func jsonIsYAML() throws {
    let file = try PickerConfigurationReader.read(
      """
      {"apiVersion": "llm-d.ai/v1alpha1", "kind": "EndpointPickerConfig",
       "plugins": [{"type": "random-picker", "parameters": {"maxNumOfEndpoints": 3}}, {"type": "lora-affinity-scorer"}],
       "schedulingProfiles": [{"name": "p", "plugins": [{"pluginRef": "lora-affinity-scorer", "weight": 0.5}]}]}
      """, file: "epp.json")
    #expect(file.scheduler.profile.name == "p")
    #expect(file.scheduler.profile.scorers == [.init(.loRAAffinity, weight: 0.5)])
    #expect(file.scheduler.profile.picker == .random(maximumEndpoints: 3))
  }

  @Test func aFileWithoutProfilesTakesAllScorersInOrderWithWeightOne() throws {
    let file = try read(
      """
      plugins:
      - {type: single-profile-handler}
      - {type: running-requests-size-scorer, name: running}
      - {type: queue-scorer}
      - {type: max-score-picker, parameters: {maxNumOfEndpoints: 2}}
      """)
    #expect(
      file.scheduler.profile
        == ProfileConfiguration(
          scorers: [.init(.runningRequests.named("running"), weight: 1), .init(.queue, weight: 1)],
          picker: .maximumScore(maximumEndpoints: 2)))
  }

  @Test func aProfileWithoutPickerTakesTheConfiguredOne() throws {
    let file = try read(
      """
      plugins: [{type: queue-scorer}, {type: random-picker, name: dice}]
      schedulingProfiles: [{name: default, plugins: [{pluginRef: queue-scorer}]}]
      """)
    #expect(file.scheduler.profile.picker == .random(maximumEndpoints: 1).named("dice"))
    #expect(file.scheduler.profile.scorers == [.init(.queue, weight: 1)])
  }

  @Test func aDocumentOfNothingButItsHeadIsARandomChoice() throws {
    let file = try read("plugins: []\n")
    #expect(file.scheduler.profile == ProfileConfiguration(scorers: [], picker: .maximumScore(maximumEndpoints: 1)))
  }

  @Test func parametersOfScorersAreRead() throws {
    let file = try read(
      """
      plugins:
      - type: prefix-cache-scorer
        parameters: {prefixMatchInfoProducerName: "", matchLengthWeight: 0.25, matchLengthScaleTokens: 4096}
      - type: session-affinity-scorer
        parameters: {strategy: client_address, trustedHops: 2}
      - name: by-cookie-less-header
        type: session-affinity-scorer
        parameters: {strategy: session_id, sources: [{header: X-Conversation}], evictionTtlSeconds: 60}
      """)
    let scorers = file.scheduler.profile.scorers
    #expect(scorers.map(\.weight) == [1, 1, 1])
    #expect(scorers[0].plugin == .prefixCache(matchLengthWeight: 0.25, scale: 4096))
    #expect(scorers[1].plugin == .sessionAffinity(trustedHops: 2))
    let header = scorers[2].plugin
    #expect(header.name == "by-cookie-less-header")
    #expect(header.arguments[SessionParameters.strategy] == "session_id")
    #expect(header.arguments[SessionParameters.sources].map { $0[SessionParameters.header] } == ["x-conversation"])
    #expect(header.arguments[SessionParameters.timeToLive] == 60)
    #expect(profile(of: file).headerNames == ["x-conversation"])
  }

  /// The profile that a file makes.
  private func profile(of file: PickerConfigurationFile) -> Scheduler {
    Scheduler(
      file.scheduler.profile,
      PluginEnvironment(
        seed: HashSeed(first: 1, second: 2), sessionHeader: file.sessionHeader ?? "x-session-id",
        prefixViews: file.prefixViews))
  }

  @Test func severalPrefixProducersStandSideBySide() throws {
    let producers = """
      plugins:
      - {type: approx-prefix-cache-producer, name: short, parameters: {maxPrefixTokensToMatch: 1024}}
      - {type: approx-prefix-cache-producer, name: long, parameters: {maxPrefixTokensToMatch: 4096, lruCapacityPerServer: 10}}
      - {type: prefix-cache-scorer, parameters: {prefixMatchInfoProducerName: short}}

      """
    let file = try read(producers)
    #expect(file.prefix.maximumTokens == 4096)
    #expect(
      file.prefixViews == [
        "short": PrefixView(maximumTokens: 1024), "long": PrefixView(maximumTokens: 4096, .ownIndex),
      ])
    #expect(file.summary.contains("prefix index of long: 640 tokens per engine where the engine does not say"))
    let precise = try read(producers + "- {type: precise-prefix-cache-producer}\n")
    #expect(precise.prefixViews["short"] == PrefixView(maximumTokens: 1024, .routedText))
    #expect(precise.prefixViews["precise-prefix-cache-producer"] == .whole)
  }

  @Test(
    arguments: [
      ("url: http://render.llm:8000", "render.llm:8000", false), ("url: https://render/", "render:443", true),
      ("http: http://localhost:8000", "localhost:8000", false), ("url: \"http://[::1]:81\"", "[::1]:81", false),
    ])
  func aRenderServiceIsRead(text: String, address: String, isSecure: Bool) throws {
    let file = try read("plugins: [{type: token-producer, parameters: {vllm: {\(text), timeout: 3s}}}]")
    let service = try #require(file.plugins.first?.settings(RenderService.self))
    #expect("\(service.address)" == address && service.isSecure == isSecure && service.timeout == .seconds(3))
  }

  @Test func aRenderServiceThatCannotBeAskedIsNoted() throws {
    let file = try read("plugins: [{type: token-producer, parameters: {vllm: {url: unix:/tmp/s}}}]")
    #expect(file.plugins.first?.settings(RenderService.self) == nil)
    #expect(file.notes.contains { $0.contains("'unix:/tmp/s' of token-producer is not written http://HOST:PORT") })
  }

  @Test(
    arguments: [
      ("[{type: mm-embeddings-cache-scorer}]", ["mm-embeddings-cache-producer"]),
      ("[{type: mm-embeddings-cache-scorer}, {type: mm-embeddings-cache-producer, name: own}]", ["own"]),
      ("[{type: queue-scorer}]", []),
    ])
  func aProducerThatAScorerNeedsIsAdded(plugins: String, names: [String]) throws {
    #expect(try read("plugins: \(plugins)").scheduler.referenced.map(\.name) == names)
  }

  @Test func aProducerMayStandBehindItsScorer() throws {
    let file = try read(
      """
      plugins:
      - {type: prefix-cache-scorer, parameters: {prefixMatchInfoProducerName: index}}
      - {type: approx-prefix-cache-producer, name: index}
      """)
    #expect(file.scheduler.profile.scorers.first?.plugin.arguments[PrefixCacheScorer.producer] == "index")
    #expect(
      TestText.problems(
        TestText.head
          + "plugins: [{type: prefix-cache-scorer, parameters: {prefixMatchInfoProducerName: queue-scorer}}]")
        == ["epp.yaml:3:81: there is no plugin named 'queue-scorer': add '- type: queue-scorer' to plugins"])
  }

  @Test func settingsOfTheIndexComeFromItsProducer() throws {
    let file = try read(
      """
      plugins:
      - type: approx-prefix-cache-producer
        name: index
        parameters: {autoTune: false, blockSizeTokens: 32, maxPrefixTokensToMatch: 65536, lruCapacityPerServer: 1000}
      - type: prefix-cache-scorer
        parameters: {prefixMatchInfoProducerName: index}
      """)
    #expect(file.prefix.maximumTokens == 65_536)
    // llm-d's blocks have at least 64 tokens.
    #expect(file.prefix.defaultTokens == 64_000)
    let larger = try read(
      "plugins: [{type: approx-prefix-cache-producer, parameters: {blockSizeTokens: 256, lruCapacityPerServer: 1000}}]")
    #expect(larger.prefix.defaultTokens == 256_000)
    #expect(!file.prefix.learnsCacheSize)
    #expect(
      file.notes == [
        "'blockSizeTokens' of approx-prefix-cache-producer has no effect on matching: text is matched in blocks of 64 tokens"
      ])
  }

  @Test func blocksToMatchAreLLMDsOfSixtyFourTokens() throws {
    let file = try read(
      "plugins: [{type: approx-prefix-cache-producer, parameters: {maxPrefixBlocksToMatch: 2048}}]\n")
    #expect(file.prefix.maximumTokens == PrefixSettings().maximumTokens)
  }

  @Test func theSessionHeaderReachesScorersThatNameNone() throws {
    let file = try read(
      """
      plugins:
      - {type: session-affinity-scorer, parameters: {strategy: session_id}}
      - {type: session-affinity-scorer, name: own, parameters: {strategy: header, header: x-own}}
      - {type: session-id-producer, parameters: {headerName: X-Chat}}
      """)
    #expect(file.sessionHeader == "x-chat")
    #expect(profile(of: file).headerNames == ["x-chat"] + AgentIdentity.knownHeaders + ["x-own"])
  }

  @Test func fileDiscoveryNamesTheEndpointsFile() throws {
    let file = try read(
      """
      plugins:
      - {type: queue-scorer}
      - {type: file-discovery, name: list, parameters: {path: /etc/epp/endpoints.yaml, watchFile: true}}
      dataLayer: {discovery: {pluginRef: list}}
      """)
    #expect(file.endpointsFile == "/etc/epp/endpoints.yaml")
    #expect(file.notes.isEmpty)
  }

  @Test func whatChangesNothingIsAccepted() throws {
    let file = try read(
      """
      featureGates: [flowControl=false, haPopulateNonLeaderDatastore=true]
      plugins:
      - type: queue-scorer
      - type: utilization-detector
        parameters: {queueDepthThreshold: 5, kvCacheUtilThreshold: 0.8, metricsStalenessThreshold: 200ms, headroom: 0.0}
      - type: metrics-data-source
        parameters: {scheme: http, path: /metrics, insecureSkipVerify: yes, caCertPath: ""}
      - type: core-metrics-extractor
        parameters: {defaultEngine: sglang, engineConfigs: []}
      - type: inflight-load-producer
        parameters: {outputRatio: 1.5}
      - {type: openai-parser}
      - {type: anthropic-parser}
      - {type: passthrough-parser}
      - {type: tokenizer, parameters: {estimate: {}}}
      - {type: static-usage-limit-policy, parameters: {threshold: 1.0}}
      - {type: fcfs-ordering-policy}
      - {type: global-strict-fairness-policy, parameters: null}
      flowControl:
        defaultRequestTTL: 60s
        priorityBands: [{priority: 1, orderingPolicyRef: fcfs-ordering-policy}]
        usageLimitPolicyPluginRef: static-usage-limit-policy
        saturationDetector: {pluginRef: utilization-detector}
      requestHandler: {parsers: [{pluginRef: openai-parser}, {pluginRef: passthrough-parser}]}
      saturationDetector: {pluginRef: utilization-detector}
      parser: {pluginRef: openai-parser}
      dataLayer: {injectDefaults: true, sources: null, discovery: null}
      """)
    #expect(file.scheduler.profile.scorers == [.init(.queue, weight: 1)])
    #expect(
      file.notes == [
        "the feature gate haPopulateNonLeaderDatastore has no effect: every replica has the pool",
        "'metricsStalenessThreshold' of utilization-detector has no effect: --metrics-staleness-threshold says when metrics "
          + "are stale, and a stale endpoint is not saturated",
        "'outputRatio' of inflight-load-producer has no effect",
        "'tokenizer' is removed in newer releases of llm-d: use token-producer",
        "'estimate' of token-producer has no effect",
        "flowControl has no effect besides its saturationDetector: its feature gate is off",
        "'saturationDetector' at the top level is removed in newer releases of llm-d: use flowControl.saturationDetector",
        "'parser' at the top level is removed in newer releases of llm-d: use requestHandler.parsers",
      ])
  }

  @Test func removedNamesOfTypesAreNoted() throws {
    let newer = [
      "tokenizer": "use token-producer",
      "by-label-selector": "use label-selector-filter",
      "by-label": "use label-selector-filter",
      "precise-prefix-cache-scorer": "use precise-prefix-cache-producer and prefix-cache-scorer",
      "pd-profile-handler": "use disagg-profile-handler",
      "disagg-headers-handler": "disagg-profile-handler sets its headers",
      "prefill-header-handler": "disagg-profile-handler sets its headers",
    ]
    let parameters = ["by-label": "{label: a, validValues: [b]}", "by-label-selector": "{matchLabels: {a: b}}"]
    for (type, instead) in newer {
      let file = try read(
        """
        plugins:
        - {type: queue-scorer}
        - {type: \(type), parameters: \(parameters[type] ?? "{}")}
        schedulingProfiles:
        - name: decode
          plugins: [{pluginRef: queue-scorer}]
        """)
      #expect(file.notes.contains("'\(type)' is removed in newer releases of llm-d: \(instead)"), "\(file.notes)")
    }
  }

  @Test func thePrintedSummaryNamesEverything() throws {
    let file = try read(
      """
      plugins:
      - {type: queue-scorer}
      - {type: lora-affinity-scorer}
      - {type: max-score-picker, parameters: {maxNumOfEndpoints: 3}}
      schedulingProfiles:
      - name: main
        plugins: [{pluginRef: queue-scorer, weight: 2}, {pluginRef: max-score-picker}]
      """)
    #expect(
      file.summary == """
        ok
        profile main: queue-scorer=2; max-score-picker, up to 3 endpoints
        prefix cache: 131072 tokens of a prompt are looked up; 500000 tokens per engine where the engine does not say
        note: the scorer 'lora-affinity-scorer' has no effect: no profile names it
        """)
  }
}
