import EPPConfiguration
import EPPCore
import EPPScheduling
import EPPTestKit
import Testing

@Suite struct ServeOptionsTests {
  private struct NoFile: Error, CustomStringConvertible { let description = "it does not exist" }

  private func options(_ change: (inout ServeOptions) -> Void = { _ in }) -> ServeOptions {
    var options = ServeOptions()
    options.endpoints = ["10.0.0.1:8000"]
    change(&options)
    return options
  }

  private func validated(
    _ files: [String: String] = [:], _ change: (inout ServeOptions) -> Void = { _ in }
  ) throws -> ServeConfiguration {
    try options(change).validated(cores: 3) { path in
      guard let text = files[path] else { throw NoFile() }
      return text
    }
  }

  private func problems(
    _ files: [String: String] = [:], _ change: (inout ServeOptions) -> Void
  ) -> (lines: [String], status: Int32) {
    do {
      _ = try validated(files, change)
      return ([], 0)
    } catch let error as ConfigurationProblems {
      return (error.problems.map(\.description), error.exitStatus)
    } catch {
      return (["\(error)"], -1)
    }
  }

  @Test func endpointsAreNotStaleBetweenTwoScrapes() throws {
    let slow = try validated { $0.refreshInterval = "5s" }
    #expect(slow.stalenessThreshold == .seconds(15))
    #expect(slow.warnings.contains { $0.hasPrefix("--metrics-staleness-threshold 2s is raised") })
  }

  @Test func defaultsAreTheAnchorsWithTheDocumentedExceptions() throws {
    let configuration = try validated()
    #expect(configuration.bindAddress == "0.0.0.0")
    #expect([configuration.grpcPort, configuration.healthPort, configuration.metricsPort] == [9002, 9003, 9090])
    #expect(configuration.workers == 3)
    #expect(configuration.isSecure && configuration.certificateFolder == nil)
    #expect(configuration.maximumReceiveMessageBytes == 64 << 20)
    #expect(configuration.drainTimeout == .seconds(30))
    #expect(configuration.endpoints == [EndpointAddress(host: "10.0.0.1", port: 8000)])
    #expect(configuration.refreshInterval == .milliseconds(50))
    #expect(configuration.stalenessThreshold == .seconds(2))
    #expect(configuration.profile == .weighted)
    #expect(configuration.prefix == PrefixSettings())
    #expect(!configuration.ignoresSubset && !configuration.emitsScores)
    #expect(configuration.maximumRequestBodyBytes == 32 << 20)
    #expect(configuration.maximumBufferedBytes == 1 << 30)
    #expect(configuration.requestDeadline == .seconds(30))
    #expect("\(configuration.responseProcessing)" == "full")
    #expect(configuration.legacyMetrics && !configuration.streamMetrics)
    #expect(configuration.verbosity == 2 && configuration.logStyle == .text)
    #expect(configuration.warnings.isEmpty)
  }

  @Test func everyContradictionIsALineOfItsOwn() {
    let result = problems {
      $0.endpoints = ["http://a:1", "b:1", "b:1"]
      $0.bindAddress = "localhost"
      $0.grpcPort = 9003
      $0.metricsPort = 70_000
      $0.workers = 0
      $0.maximumConcurrentStreams = 0
      $0.certPath = "/certs"
      $0.secureServing = false
      $0.tlsMinimumVersion = "VersionTLS13"
      $0.configFile = "a"
      $0.configText = "b"
      $0.leaderElection = true
      $0.metricsAuthentication = true
      $0.metricsCertificates = "/x"
      $0.deprecated = ["--lora-info-metric"]
      $0.maximumBuffered = "1Mi"
      $0.maximumReceiveMessage = "4Gi"
      $0.drainTimeout = "30"
      $0.requestDeadline = "0"
      $0.scorers = [
        "queue-scorer=2", "queue-scorer", "queue-scorrer=1", "kv-cache-utilization-scorer=-1", "latency-scorer",
      ]
      $0.picker = "best"
      $0.responseProcessing = "ful"
      $0.verbosity = -1
      $0.logFormat = "jsn"
      _ = $0.boolean("maybe", "--tracing")
    }
    #expect(
      result.lines == [
        "--tracing: 'maybe' is neither true nor false",
        "--config-file and --config-text exclude each other: give one of them",
        "--endpoint: 'http://a:1' is a URL: write HOST:PORT, without 'http://'",
        "--endpoint: 'b:1' is given twice",
        "--bind-address: 'localhost' is not an IP address such as 0.0.0.0, 127.0.0.1 or ::",
        "--metrics-port: 70000 is not a port (1 to 65535, or 0 for a free one)",
        "--grpc-port and --grpc-health-port are both 9003: each needs a port of its own",
        "--workers: 0 is not from 1 to 1024",
        "--max-concurrent-streams: 0 is not from 1 to 2147483647",
        "--cert-path and --secure-serving=false contradict each other: leave one of them out",
        "--tls-min-version VersionTLS13 is not supported by this version yet: TLS 1.2 and 1.3 are served",
        "--lora-info-metric was given up by llm-d and is not known here: remove it; the metrics of vLLM and SGLang are "
          + "read by their names",
        "--ha-enable-leader-election is not supported by this version yet: every replica serves",
        "--metrics-endpoint-auth is not supported by this version yet: remove it, and keep the metrics port inside",
        "--metrics-cert-dir and --metrics-client-ca-file are not supported by this version yet: metrics are plain text",
        "--max-buffered-bytes (1Mi) is less than --max-request-body-bytes (32Mi): a body of the allowed size could never "
          + "be held",
        "--grpc-max-recv-msg-size has to be less than 2Gi",
        "--drain-timeout: '30' is not a duration such as 50ms, 5s or 1m30s",
        "--scorer: 'queue-scorer' is named twice",
        "--scorer: there is no scorer 'queue-scorrer'; did you mean 'queue-scorer'? (known: queue-scorer, "
          + "running-requests-size-scorer, kv-cache-utilization-scorer, prefix-cache-scorer, lora-affinity-scorer, "
          + "session-affinity-scorer, precise-prefix-cache-scorer)",
        "--scorer: the weight in 'kv-cache-utilization-scorer=-1' has to be a number from 0, as in "
          + "kv-cache-utilization-scorer=2",
        "--scorer: 'latency-scorer' is known in llm-d but not supported by this version yet",
        "--picker: 'best' is none of max-score-picker, random-picker",
        "--request-deadline: '0' is not a duration above 0 such as 50ms, 5s or 1m30s",
        "--response-processing: 'ful' is none of full, sampled, none; did you mean 'full'?",
        "-v: -1 is less than 0 (2 is the default, 5 the most)",
        "--log-format: 'jsn' is none of text, json; did you mean 'json'?",
      ])
    #expect(result.status == 64)
  }

  @Test func kubernetesDiscoveryIsRefusedWithWhatToUse() {
    let result = problems {
      $0.endpoints = []
      $0.endpointSelector = "app=vllm"
      $0.endpointTargetPorts = ["8000"]
    }
    #expect(
      result.lines == [
        "--endpoint-selector: Kubernetes discovery is not in this version: name the engines with --endpoint HOST:PORT "
          + "(repeatable) or --endpoints-file FILE"
      ])
  }

  @Test func thePoolNameIsALabelWhereEndpointsAreNamed() throws {
    #expect(try validated().poolName == "default")
    #expect(try validated { $0.poolName = "chat" }.poolName == "chat")
    let fromFile = try validated {
      $0.endpoints = []
      $0.endpointsFile = "endpoints.yaml"
      $0.poolName = "chat"
    }
    #expect(fromFile.poolName == "chat")
    let discovery =
      TestText.head + """
        plugins: [{type: file-discovery, parameters: {path: endpoints.yaml}}]
        dataLayer: {discovery: {pluginRef: file-discovery}}
        """
    let discovered = try validated(["epp.yaml": discovery]) {
      $0.endpoints = []
      $0.configFile = "epp.yaml"
      $0.poolName = "chat"
    }
    #expect(discovered.poolName == "chat" && discovered.endpointsFile == "endpoints.yaml")
  }

  @Test func thePoolNameAloneAsksForKubernetes() {
    for file in [nil, "epp.yaml"] {
      let result = problems(["epp.yaml": TestText.standard]) {
        $0.endpoints = []
        $0.configFile = file
        $0.poolName = "chat"
      }
      #expect(
        result.lines == [
          "--pool-name: Kubernetes discovery is not in this version: name the engines with --endpoint HOST:PORT "
            + "(repeatable) or --endpoints-file FILE"
        ])
    }
    // A configuration file that is broken may have named endpoints.
    let broken = problems(["epp.yaml": "["]) {
      $0.endpoints = []
      $0.configFile = "epp.yaml"
      $0.poolName = "chat"
    }
    #expect(broken.lines.count == 1 && broken.lines.first?.contains("not YAML") == true)
  }

  @Test func noEndpointsIsAProblem() {
    let result = problems { $0.endpoints = [] }
    #expect(
      result.lines == [
        "no endpoints: name the engines with --endpoint HOST:PORT (repeatable) or --endpoints-file FILE"
      ])
  }

  @Test func emptyTextsOfChartsCountAsNotGiven() throws {
    let configuration = try validated {
      $0.poolName = ""
      $0.endpointSelector = ""
      $0.certPath = ""
      $0.configFile = ""
      $0.configText = ""
      $0.maximumReceiveMessage = ""
      $0.logFormat = ""
      $0.zapEncoder = ""
      $0.tlsMinimumVersion = ""
      $0.metricsCertificates = ""
    }
    #expect(configuration == (try validated()))
  }

  @Test func whatHasNoEffectIsSaid() throws {
    let configuration = try validated {
      $0.tracing = true
      $0.pprof = true
      $0.certReload = true
      $0.tlsCipherSuites = ["TLS_AES_128_GCM_SHA256"]
      $0.maximumSendMessage = "25MB"
      $0.refreshInterval = "10ms"
      $0.endpointTargetPorts = ["8000"]
    }
    #expect(configuration.refreshInterval == .milliseconds(50))
    #expect(
      configuration.warnings == [
        "--endpoint-target-ports has no effect without --endpoint-selector",
        "--enable-cert-reload has no effect yet: restart to take a new certificate",
        "--tls-cipher-suites has no effect: TLS 1.2 and 1.3 are served with gRPC's own suites",
        "--tracing has no effect yet", "--enable-pprof has no effect: there is no Go runtime to profile",
        "--refresh-metrics-interval 10ms is raised to 50ms",
        "--grpc-max-send-msg-size has no effect: messages hold at most 62,000 bytes of a body",
      ])
  }

  @Test func portsOfZeroDoNotClash() throws {
    let configuration = try validated {
      $0.grpcPort = 0
      $0.healthPort = 0
      $0.metricsPort = 0
    }
    #expect(configuration.grpcPort == 0)
  }

  @Test func scorersOfFlagsReplaceTheDefaultSet() throws {
    let configuration = try validated {
      $0.scorers = ["lora-affinity-scorer=0.5", "queue-scorer"]
      $0.picker = "random-picker"
    }
    #expect(
      configuration.profile
        == ProfileConfiguration(
          scorers: [.init(.loRAAffinity, weight: 0.5), .init(.queue, weight: 1)], picker: .random(maximumEndpoints: 1)))
  }

  @Test func flagsAndFileMakeOneProfile() throws {
    let files = ["epp.yaml": TestText.standard]
    #expect(try validated(files) { $0.configFile = "epp.yaml" }.profile.scorers.count == 3)
    #expect(try validated { $0.configText = TestText.standard }.profile.scorers.count == 3)
    let both = problems(files) {
      $0.configFile = "epp.yaml"
      $0.scorers = ["queue-scorer=2"]
    }
    #expect(
      both.lines == ["--scorer and the scorers of the configuration file exclude each other: give weights in one place"]
    )
    let weighted = try validated(files) {
      $0.configFile = "epp.yaml"
      $0.profile = "weighted"
    }
    #expect(weighted.profile == .weighted)
    let picker = TestText.head + "plugins: [{type: max-score-picker, parameters: {maxNumOfEndpoints: 3}}]"
    let combined = try validated {
      $0.configText = picker
      $0.scorers = ["queue-scorer=2"]
      $0.picker = "random-picker"
    }
    #expect(
      combined.profile
        == ProfileConfiguration(scorers: [.init(.queue, weight: 2)], picker: .random(maximumEndpoints: 3)))
  }

  @Test func theSessionHeaderOfTheFileReachesTheProfileThatShips() throws {
    let text = TestText.head + "plugins: [{type: session-id-producer, parameters: {headerName: x-chat}}]"
    let configuration = try validated {
      $0.configText = text
      $0.scorers = ["session-affinity-scorer=2"]
    }
    #expect(configuration.profile.scorers == [.init(.sessionAffinity, weight: 2)])
    #expect(configuration.sessionHeader == "x-chat")
  }

  @Test func endpointsFilesComeFromTheFlagOrTheConfiguration() throws {
    let text =
      TestText.head + "plugins: [{type: file-discovery, parameters: {path: /a}}]\n"
      + "dataLayer: {discovery: {pluginRef: file-discovery}}"
    let configuration = try validated {
      $0.endpoints = []
      $0.configText = text
    }
    #expect(configuration.endpointsFile == "/a" && configuration.endpoints.isEmpty)
    let both = problems {
      $0.endpointsFile = "/b"
      $0.configText = text
    }
    #expect(
      both.lines == [
        "--endpoints-file and file-discovery in the configuration file name two files: give one of them"
      ])
  }

  @Test func problemsOfTheFileHaveAStatusOfTheirOwn() {
    let files = ["epp.yaml": "kind: EndpointPickerConfig\n"]
    let file = problems(files) {
      $0.endpoints = []
      $0.configFile = "epp.yaml"
    }
    #expect(file.lines == ["epp.yaml:1:1: apiVersion is missing: add 'apiVersion: llm-d.ai/v1alpha1'"])
    #expect(file.status == 78)
    let both = problems(files) {
      $0.configFile = "epp.yaml"
      $0.workers = 0
    }
    #expect(both.lines.count == 2 && both.status == 64)
    let missing = problems { $0.configFile = "/none" }
    #expect(missing.lines == ["/none: it does not exist"] && missing.status == 78)
  }

  @Test(
    arguments: [
      (nil, nil, nil, "text"), ("json", nil, nil, "json"), (nil, "json", nil, "json"), (nil, "console", false, "text"),
      (nil, nil, false, "json"), (nil, nil, true, "text"), ("text", nil, false, "text"), ("json", "json", nil, "json"),
    ] as [(String?, String?, Bool?, String)])
  func theLogFormatFollowsItsFlags(format: String?, encoder: String?, development: Bool?, expected: String) throws {
    let configuration = try validated {
      $0.logFormat = format
      $0.zapEncoder = encoder
      $0.zapDevelopment = development
    }
    #expect(configuration.logStyle.rawValue == expected)
  }

  @Test func logFlagsMustNotContradict() {
    let result = problems {
      $0.logFormat = "text"
      $0.zapEncoder = "json"
    }
    #expect(
      result.lines == ["--log-format text and --zap-encoder contradict each other: leave one of them out"])
  }

  @Test(
    arguments: [
      (4, nil, 4), (9, nil, 5), (0, nil, 0), (2, "debug", 4), (4, "info", 2), (2, "error", 0), (2, "5", 5),
      (2, "12", 5),
    ] as [(Int, String?, Int)])
  func verbosityFollowsItsFlags(verbosity: Int, zap: String?, expected: Int) throws {
    let configuration = try validated {
      $0.verbosity = verbosity
      $0.zapLogLevel = zap
    }
    #expect(configuration.verbosity == expected)
  }

  @Test func booleansAreGos() {
    var options = ServeOptions()
    for text in ["1", "t", "T", "true", "TRUE", "True"] { #expect(options.boolean(text, "--x") == true) }
    for text in ["0", "f", "F", "false", "FALSE", "False"] { #expect(options.boolean(text, "--x") == false) }
    for text in ["", "yes", "tRUE", "2"] { #expect(options.boolean(text, "--x") == nil) }
  }
}
