import EPPConfiguration
import EPPPrefixCache
import EPPScheduling
import EPPTestKit
import Testing

/// `precise-prefix-cache-producer` and its scorer.
@Suite struct PreciseCacheTests {
  private func read(_ body: String) throws -> PickerConfigurationFile {
    try PickerConfigurationReader.read(TestText.head + body, file: "epp.yaml")
  }

  /// As in llm-d's guide for precise prefix routing.
  private let guide = """
    plugins:
    - type: single-profile-handler
    - type: token-producer
      parameters: {modelName: m, vllm: {url: "http://localhost:8000"}}
    - type: precise-prefix-cache-producer
      parameters:
        tokenProcessorConfig: {blockSizeTokens: 64, hashSeed: "42"}
        indexerConfig:
          kvBlockIndexConfig: {enableMetrics: true, inMemoryConfig: {size: 1000}}
        kvEventsConfig:
          topicFilter: "kv@"
          concurrency: 4
          discoverPods: true
          podDiscoveryConfig: {podLabelSelector: "a=b", socketPort: 5556}
        speculativeIndexing: true
    - type: prefix-cache-scorer
      parameters: {prefixMatchInfoProducerName: precise-prefix-cache-producer}
    - type: max-score-picker
    schedulingProfiles:
    - name: default
      plugins: [{pluginRef: prefix-cache-scorer, weight: 3}, {pluginRef: max-score-picker}]
    """

  @Test func metricsHaveTheNamesOfTheGuidesProducers() throws {
    let file = try read(guide)
    #expect(file.prefixProducer?.name == "precise-prefix-cache-producer")
    #expect(file.tokenProducer?.name == "token-producer")
    let both = try read(
      "plugins: [{type: approx-prefix-cache-producer}, {type: precise-prefix-cache-producer, name: p}]")
    #expect(both.prefixProducer?.name == "p")
    let routed = try read("plugins: [{type: approx-prefix-cache-producer, name: a}]")
    #expect(routed.prefixProducer?.name == "a" && routed.tokenProducer == nil)
  }

  @Test func theGuidesFileLoads() throws {
    let file = try read(guide)
    var expected = PreciseCacheSettings()
    expected.eventsPort = 5556
    expected.speculates = true
    #expect(file.precise == expected)
    #expect(file.scheduler.profile.scorers.map(\.weight) == [3])
    #expect(file.notes.count == 6)
    #expect(file.notes.allSatisfy { $0.contains("no effect") })
    #expect(file.summary.contains("KV events: of every engine at port 5556"))
  }

  @Test func enginesMayConnectToThePicker() throws {
    let file = try read(
      """
      plugins:
      - type: precise-prefix-cache-scorer
        parameters: {kvEventsConfig: {zmqEndpoint: "tcp://*:5557", discoverPods: false}}
      """)
    #expect(file.precise?.eventsBind == "tcp://*:5557")
    #expect(file.precise?.eventsPort == nil)
    #expect(file.scheduler.profile.scorers.map(\.plugin.name) == ["precise-prefix-cache-scorer"])
    #expect(Scheduler(file.scheduler.profile, seed: HashSeed(first: 1, second: 2)).usesPrefixes)
    #expect(file.summary.contains("KV events: of engines that connect to tcp://*:5557"))
  }

  @Test func enginesMaySendMissedEventsAgain() throws {
    let pods = { (members: String) in
      """
      plugins:
      - type: precise-prefix-cache-producer
        parameters: {kvEventsConfig: {discoverPods: true, podDiscoveryConfig: {socketPort: 5556, \(members)}}}
      """
    }
    let file = try read(pods("replaySocketPort: 5559, dataParallelSize: 1"))
    #expect(file.precise?.eventsPort == 5556 && file.precise?.replayPort == 5559)
    #expect(file.summary.contains("KV events: of every engine at port 5556, missed ones at port 5559"))
    #expect(file.notes.contains { $0.contains("--kv-data-parallel-size") })
    #expect(
      TestText.problems(TestText.head + pods("replaySocketPort: 5556")) == [
        "epp.yaml:5:110: socketPort and replaySocketPort are both 5556: an engine has a port for each"
      ])
    for none in ["0", "-1"] { #expect(try read(pods("replaySocketPort: \(none)")).precise?.replayPort == nil) }
    let flags = FlagsUnderTest(
      common: ["--endpoint=a:1"], files: ["epp.yaml": TestText.head + pods("replaySocketPort: 5559")])
    #expect(try flags.validated("--config-file=epp.yaml").cache.replayPort == 5559)
    #expect(try flags.validated("--config-file=epp.yaml", "--kv-replay-port=5560").cache.replayPort == 5560)
    #expect(try flags.validated("--config-file=epp.yaml", "--kv-replay-port=0").cache.replayPort == nil)
  }

  @Test func theScorerMayBeToldOfEndpoints() throws {
    let old = """
      plugins:
      - type: precise-prefix-cache-scorer
      - type: endpoint-notification-source
      dataLayer:
        sources:
        - pluginRef: endpoint-notification-source
          extractors:
          - pluginRef: precise-prefix-cache-scorer
      """
    #expect(try read(old).precise != nil)
    let migrated = try ConfigurationMigration.migrate(TestText.head + old, file: "epp.yaml").text
    #expect(migrated.contains("    - pluginRef: precise-prefix-cache-scorer-producer\n"))
    #expect(try PickerConfigurationReader.read(migrated, file: "new.yaml").precise != nil)
  }

  @Test func whatOnePluginLeavesOutAnotherOneSays() throws {
    let file = try read(
      """
      plugins:
      - type: precise-prefix-cache-producer
        parameters: {speculativeIndexing: false, kvEventsConfig: {podDiscoveryConfig: {socketPort: 5600}}}
      - type: precise-prefix-cache-scorer
        parameters: {indexerConfig: {}}
      """)
    #expect(file.precise?.speculates == false)
    #expect(file.precise?.eventsPort == 5600)
  }

  @Test func defaultsAreLLMDs() throws {
    #expect(try read("plugins: [{type: precise-prefix-cache-producer}]").precise == PreciseCacheSettings())
    #expect(try read("plugins: [{type: precise-prefix-cache-producer}]").precise?.eventsPort == 5557)
    #expect(try read("plugins: [{type: queue-scorer}]").precise == nil)
  }

  @Test func mistakesAreFound() {
    let text =
      TestText.head + """
        plugins:
        - type: precise-prefix-cache-producer
          parameters:
            kvEventConfig: {}
            kvEventsConfig:
              discoverPods: true
              zmqEndpoint: tcp://*:5557
              engineType: trt
              podDiscoveryConfig: {socketPort: 70000}
            speculativeIndexing: maybe
        """
    #expect(
      TestText.problems(text) == [
        "epp.yaml:6:5: unknown field 'kvEventConfig' in the parameters of precise-prefix-cache-producer; did you mean "
          + "'kvEventsConfig'?",
        "epp.yaml:8:21: discoverPods and zmqEndpoint exclude each other: engines either listen themselves or connect to "
          + "the picker",
        "epp.yaml:10:19: engineType is either vllm or sglang, not 'trt'",
        "epp.yaml:11:40: socketPort has to be a whole number from 1 to 65535",
        "epp.yaml:12:26: speculativeIndexing has to be true or false",
      ])
  }
}
