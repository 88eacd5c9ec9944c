import EPPConfiguration
import EPPCore
import Testing

/// Data sources and extractors of the configuration file, and the flags that say the same.
@Suite struct DataLayerSettingsTests {
  private func settings(_ plugins: String, _ arguments: String...) throws -> (DataLayerSettings, ServeConfiguration) {
    var flags = FlagsUnderTest()
    flags.files["epp.yaml"] = TestText.head + "plugins:\n- type: queue-scorer\n" + plugins
    let configuration = try flags.validated(["--config-file=epp.yaml"] + arguments)
    return (configuration.endpoints.dataLayer, configuration)
  }

  @Test func withoutConfigurationEnginesAreReadAsTheyAre() throws {
    let configuration = try FlagsUnderTest().validated()
    var expected = DataLayerSettings()
    expected.page.interval = .milliseconds(50)
    #expect(configuration.endpoints.dataLayer == expected && configuration.warnings.isEmpty)
    #expect(configuration.endpoints.refreshInterval == .milliseconds(50))
  }

  @Test func theMetricsPageIsReadAsItsSourceSays() throws {
    let (settings, configuration) = try settings(
      """
      - type: metrics-data-source
        name: pages
        parameters:
          {scheme: https, path: stats, port: 8001, insecureSkipVerify: false, caCertPath: /ca.crt, clientCertPath: /c.crt,
           clientKeyPath: /c.key, interval: 240ms}
      """)
    var page = PageSource(path: "/stats")
    page.scheme = .https
    page.port = 8001
    page.certificates.skipsVerification = false
    page.certificates.authorityFile = "/ca.crt"
    page.certificates.certificateFile = "/c.crt"
    page.certificates.keyFile = "/c.key"
    // The nearest multiple of 50 ms.
    page.interval = .milliseconds(250)
    #expect(settings.page == page)
    #expect(configuration.endpoints.refreshInterval == .milliseconds(250) && configuration.warnings.isEmpty)
    // Metrics must not be stale between two scrapes.
    let (_, slow) = try self.settings("- {type: metrics-data-source, parameters: {interval: 1s}}\n")
    #expect(slow.endpoints.stalenessThreshold == .seconds(3))
    #expect(slow.warnings == ["--metrics-staleness-threshold 2s is raised to three times the time between scrapes"])
  }

  @Test func emptyTextsAreDefaults() throws {
    let (settings, _) = try settings(
      """
      - type: metrics-data-source
        parameters: {scheme: "", path: "", port: 0, caCertPath: "", clientCertPath: "", clientKeyPath: "", interval: ""}
      - type: core-metrics-extractor
        parameters: {engineLabelKey: "", defaultEngine: "", engineConfigs: []}
      - type: topology-extractor
        parameters: {hostname: "", rack: "", zone: "", region: ""}
      """)
    var expected = DataLayerSettings()
    expected.page.interval = .milliseconds(50)
    #expect(settings == expected)
  }

  @Test func kindsOfEnginesAreRead() throws {
    let (settings, configuration) = try settings(
      """
      - type: core-metrics-extractor
        parameters:
          engineLabelKey: engine
          defaultEngine: mine
          engineConfigs:
          - name: mine
            queuedRequestsSpec: "requests{state=waiting}"
            runningRequestsSpec: requests{state="running"}
            kvUsageSpec: usage
            loraSpec: ""
            cacheInfoSpec: cache
            cacheBlockSizeLabelName: size
            cacheNumBlocksLabelName: count
            cacheBlockSizeSpec: size
            cacheNumBlocksSpec: count
            loraLoadedSpec: x
            customMetrics:
            - {attributeKey: depth, metricSpec: "depth{tier=gold,model!=a}"}
            - {attributeKey: heat, metricSpec: heat, optional: true}
          - {name: sglang}
      """)
    var mine = EngineMetricSpecs(name: "mine")
    mine.waitingRequests = MetricSpec("requests", [.init("state", "waiting")])
    mine.runningRequests = MetricSpec("requests", [.init("state", "running")])
    mine.kvCacheUsage = MetricSpec("usage")
    mine.cacheInfo = MetricSpec("cache")
    mine.cacheBlockTokensLabel = "size"
    mine.cacheBlocksLabel = "count"
    mine.cacheBlockTokens = MetricSpec("size")
    mine.cacheBlocks = MetricSpec("count")
    var depth = MetricSpec("depth", [.init("tier", "gold")])
    depth.hasOtherConditions = true
    mine.attributes = [.init(key: "depth", spec: depth), .init(key: "heat", spec: MetricSpec("heat"))]
    var expected = EngineMetricSettings()
    expected.labelKey = "engine"
    expected.defaultEngine = "mine"
    expected.engines = [mine, EngineMetricSpecs(name: "sglang")]
    #expect(settings.engines == expected)
    #expect(
      configuration.warnings == ["of the conditions of 'depth{tier=gold,model!=a}' only those with = have an effect"])
  }

  @Test(arguments: ["vllm", "sglang", "trtllm-serve", "triton", "triton-tensorrt-llm"])
  func everyBuiltInKindCanBeTheDefault(_ name: String) throws {
    let (settings, configuration) = try settings(
      "- {type: core-metrics-extractor, parameters: {defaultEngine: \(name)}}\n")
    #expect(settings.engines.defaultEngine == name && settings.engines.engine(of: [:]) == nil)
    #expect(configuration.warnings.isEmpty)
  }

  @Test func whatCannotBeReadIsReportedWhereItStands() {
    let text =
      TestText.head + """
        plugins:
        - type: metrics-data-source
          parameters: {scheme: htps, path: "/a b", port: 70000, interval: 0s}
        - {type: metrics-data-source, name: two, parameters: {scheme: https, clientCertPath: /c.crt}}
        - type: core-metrics-extractor
          parameters:
            defaultEngine: vlm
            engineConfigs:
            - queuedRequestsSpec: a
            - {name: default}
            - name: x
              kvUsageSpec: "sum(a)"
              customMetrics:
              - {attributeKey: k}
              - {attributeKey: k, metricSpec: "a{"}
        - {type: k8s-notification-source, parameters: {group: "", version: v1}}
        - {type: dcgm-data-source, parameters: {port: 0}}
        """
    #expect(
      TestText.problems(text) == [
        "epp.yaml:5:24: unknown scheme 'htps'; did you mean 'https'? (known: http, https)",
        "epp.yaml:5:36: path must not have blanks or control characters",
        "epp.yaml:5:50: port has to be a whole number from 0 to 65535",
        "epp.yaml:5:67: interval has to be a duration above 0",
        "epp.yaml:6:86: clientCertPath and clientKeyPath go together: give both or none",
        "epp.yaml:9:20: unknown engine 'vlm'; did you mean 'vllm'? (known: default, x, vllm, sglang, atom, trtllm-serve, "
          + "triton-tensorrt-llm, triton)",
        "epp.yaml:11:7: an entry of engineConfigs needs a name",
        "epp.yaml:12:14: 'default' stands for the default engine: give another name",
        "epp.yaml:14:20: 'sum(a)' is no metric: write NAME or NAME{LABEL=VALUE,...}",
        "epp.yaml:16:9: an entry of customMetrics needs an attributeKey and a metricSpec",
        "epp.yaml:17:39: 'a{' is no metric: write NAME or NAME{LABEL=VALUE,...}",
        "epp.yaml:18:47: k8s-notification-source needs the parameters 'version' and 'kind'",
        "epp.yaml:19:47: port has to be a whole number from 1 to 65535",
      ])
  }

  @Test func pagesBesideTheMetricsAreReadWhereTheirExtractorIsNamed() throws {
    let sources = """
      - {type: models-data-source, parameters: {path: /v2/models, interval: 5s}}
      - {type: dcgm-data-source, name: gpu, parameters: {port: 9401, useNodeAddress: true}}

      """
    let (alone, _) = try settings(sources)
    #expect(alone.models == nil && alone.gpus == nil)
    let (settings, _) = try settings(
      sources + "- {type: models-data-extractor}\n- {type: dcgm-extractor}\n", "--refresh-metrics-interval=300ms")
    var models = PageSource(path: "/v2/models")
    models.interval = .milliseconds(5100)
    #expect(settings.models == .init(page: models, source: "models-data-source"))
    var gpus = PageSource(path: "/metrics")
    gpus.port = 9401
    gpus.interval = .milliseconds(900)
    #expect(settings.gpus == .init(page: gpus, source: "dcgm-data-source", usesNodeAddress: true))
  }

  @Test func labelsOfPlacesAreNamed() throws {
    let (settings, _) = try settings("- {type: topology-extractor, parameters: {rack: example.com/rack}}\n")
    var expected = EndpointTopology.Labels()
    expected.rack = "example.com/rack"
    #expect(settings.topology == expected)
  }

  @Test func numbersOfLabelsBecomeAttributes() throws {
    let (settings, configuration) = try settings(
      """
      - {type: label-producer, parameters: {label: tier, attributeKey: t, valueType: number}}
      - {type: label-producer, name: b, parameters: {label: cost, attributeKey: c, valueType: number}}
      - {type: label-producer, name: c, parameters: {label: name, attributeKey: n}}
      """)
    #expect(settings.labelAttributes == [.init(label: "tier", key: "t"), .init(label: "cost", key: "c")])
    #expect(
      configuration.warnings == [
        "'label-producer' of texts has no effect: plugins read the labels of endpoints themselves"
      ])
    let text = TestText.head + "plugins: [{type: label-producer, parameters: {label: x, valueType: int}}]\n"
    #expect(
      TestText.problems(text) == [
        "epp.yaml:3:46: label-producer needs the parameters 'label' and 'attributeKey'",
        "epp.yaml:3:68: unknown valueType 'int' (known: string, number)",
      ])
  }

  @Test func notificationSourcesAreAcceptedWithANote() throws {
    let (_, configuration) = try settings(
      """
      - {type: endpoint-notification-source}
      - {type: k8s-notification-source, parameters: {group: "", version: v1, kind: Pod}}
      - {type: topology-extractor}
      dataLayer:
        sources:
        - {pluginRef: endpoint-notification-source, extractors: [{pluginRef: topology-extractor}]}
        - {pluginRef: k8s-notification-source}
      """)
    #expect(
      configuration.warnings == [
        "'endpoint-notification-source' has no effect: endpoints are always followed",
        "'k8s-notification-source' has no effect: endpoints are always followed",
      ])
  }

  // MARK: Flags

  @Test func flagsOfOlderReleasesSayHowPagesAreRead() throws {
    let configuration = try FlagsUnderTest().validated(
      "--modelServerMetricsPort=8001", "--model-server-metrics-scheme=https", "--model-server-metrics-path=stats",
      "--model-server-metrics-https-insecure-skip-verify=false")
    var page = PageSource(path: "/stats")
    page.scheme = .https
    page.port = 8001
    page.certificates.skipsVerification = false
    page.interval = .milliseconds(50)
    #expect(configuration.endpoints.dataLayer.page == page && configuration.warnings.isEmpty)
    // A plugin without parameters says nothing.
    let (settings, _) = try settings("- {type: metrics-data-source}\n", "--model-server-metrics-port=8001")
    #expect(settings.page.port == 8001)
  }

  @Test func theFileWinsOverFlagsThatDiffer() throws {
    let source = "- {type: metrics-data-source, parameters: {port: 8002}}\n"
    let (settings, configuration) = try settings(
      source, "--model-server-metrics-port=8001", "--model-server-metrics-path=/metrics")
    #expect(settings.page.port == 8002)
    #expect(
      configuration.warnings == [
        "--model-server-metrics-path, --model-server-metrics-port: the parameters of metrics-data-source in the "
          + "configuration file differ, and count"
      ])
    #expect(try self.settings(source, "--model-server-metrics-port=8002").1.warnings.isEmpty)
  }

  @Test func metricsOfFlagsAreThoseOfTheDefaultEngine() throws {
    let configuration = try FlagsUnderTest().validated(
      "--total-queued-requests-metric", "nv_trt_llm_request_metrics{request_type=waiting}",
      "--kv-cache-usage-percentage-metric=vllm:gpu_cache_usage_perc", "--lora-info-metric=",
      "--total-running-requests-metric", "")
    let engine = try #require(configuration.endpoints.dataLayer.engines.engine(of: [:]))
    #expect(engine.name == "vllm")
    #expect(
      engine.waitingRequests == MetricSpec("nv_trt_llm_request_metrics", [.init("request_type", "waiting")])
        && engine.runningRequests == MetricSpec("vllm:num_requests_running")
        && engine.kvCacheUsage == MetricSpec("vllm:gpu_cache_usage_perc")
        && engine.loRA == MetricSpec("vllm:lora_requests_info"))
    #expect(
      configuration.warnings == [
        "--total-queued-requests-metric, --kv-cache-usage-percentage-metric: llm-d has given these flags up; give "
          + "engineConfigs of core-metrics-extractor in the configuration file instead"
      ])
    // The names that are known anyway change nothing.
    let same = try FlagsUnderTest().validated("--cache-info-metric=vllm:cache_config_info")
    #expect(same.endpoints.dataLayer.engines == EngineMetricSettings() && same.warnings.count == 1)
  }

  @Test func theKindInTheFileWinsOverMetricsOfFlags() throws {
    let engines =
      "- {type: core-metrics-extractor, parameters: {engineConfigs: [{name: vllm, queuedRequestsSpec: queue}]}}\n"
    let (settings, configuration) = try settings(engines, "--total-queued-requests-metric=other")
    #expect(settings.engines.engines.map(\.waitingRequests) == [MetricSpec("queue")])
    #expect(
      configuration.warnings == [
        "--total-queued-requests-metric: the metrics of 'vllm' in the parameters of core-metrics-extractor in the "
          + "configuration file differ, and count"
      ])
  }

  @Test func emptyArgumentsAreIgnoredAsInGo() throws {
    let configuration = try FlagsUnderTest().validated(
      "", "--model-server-metrics-https-insecure-skip-verify", "", "--tracing=false", "",
      "--model-server-metrics-scheme",
      "https", "")
    #expect(configuration.endpoints.dataLayer.page.scheme == .https)
    #expect(configuration.endpoints.dataLayer.page.certificates.skipsVerification)
  }
}
