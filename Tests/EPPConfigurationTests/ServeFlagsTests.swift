import EPPConfiguration
import EPPCore
import EPPScheduling
import EPPTestKit
import Testing

@Suite struct ServeFlagsTests {
  private let flags = FlagsUnderTest()

  @Test func endpointsAreNotStaleBetweenTwoScrapes() throws {
    let slow = try flags.validated("--refresh-metrics-interval=5s")
    #expect(slow.endpoints.stalenessThreshold == .seconds(15))
    #expect(slow.warnings.contains { $0.hasPrefix("--metrics-staleness-threshold 2s is raised") })
  }

  @Test func defaultsAreLLMDsWithTheDocumentedExceptions() throws {
    let configuration = try flags.validated()
    let listening = configuration.listening
    #expect(listening.bindAddress == "0.0.0.0" && listening.workers == 3 && listening.gathersWrites)
    #expect([listening.grpcPort, listening.healthPort, listening.metricsPort] == [9002, 9003, 9090])
    #expect(listening.maximumReceiveMessageBytes == 64 << 20 && listening.maximumConcurrentStreams == 100_000)
    #expect(listening.drainTimeout == .seconds(30))
    #expect(configuration.tls.isSecure && configuration.tls.certificateFolder == nil)
    #expect(configuration.endpoints.addresses == [EndpointAddress(host: "10.0.0.1", port: 8000)])
    #expect(configuration.endpoints.refreshInterval == .milliseconds(50))
    #expect(configuration.endpoints.stalenessThreshold == .seconds(2))
    let scheduling = configuration.scheduling
    #expect(scheduling.scheduler.profile == .weighted && scheduling.prefix == PrefixSettings())
    #expect(!scheduling.ignoresSubset && !scheduling.emitsScores)
    #expect(configuration.limits.maximumRequestBodyBytes == 32 << 20)
    #expect(configuration.limits.maximumBufferedBytes == 1 << 30)
    #expect(configuration.limits.requestDeadline == .seconds(30))
    #expect(configuration.limits.responseProcessing == .full)
    let observability = configuration.observability
    #expect(observability.legacyMetrics && !observability.streamMetrics)
    #expect(observability.verbosity == 2 && observability.logStyle == .text)
    #expect(configuration.warnings.isEmpty)
  }

  @Test func everyContradictionIsALineOfItsOwn() {
    let result = FlagsUnderTest(common: []).refusal(
      "--endpoint=http://a:1",
      "--endpoint=b:1",
      "--endpoint=b:1",
      "--bind-address=localhost",
      "--grpc-port=9003",
      "--metrics-port=70000",
      "--workers=0",
      "--max-concurrent-streams=0",
      "--cert-path=/certs",
      "--grpc-client-ca-file=/ca.crt",
      "--secure-serving=false",
      "--tls-min-version=VersionTLS13",
      "--config-file=a",
      "--config-text=b",
      "--ha-enable-leader-election=true",
      "--metrics-endpoint-auth=true",
      "--metrics-client-ca-file=/x",
      "--lora-info-metric=x{",
      "--model-server-metrics-scheme=htps",
      "--model-server-metrics-path=/a b",
      "--model-server-metrics-port=70000",
      "--max-buffered-bytes=1Mi",
      "--grpc-max-recv-msg-size=4Gi",
      "--drain-timeout=30",
      "--request-deadline=0",
      "--scorer=queue-scorer=2",
      "--scorer=queue-scorer",
      "--scorer=queue-scorrer=1",
      "--scorer=kv-cache-utilization-scorer=-1",
      "--scorer=latency-scorer",
      "--picker=best",
      "--response-processing=ful",
      "-v=-1",
      "--log-format=jsn",
      "--tracing=maybe")
    #expect(
      result.lines == [
        "--config-file and --config-text exclude each other: give one of them",
        "--bind-address: 'localhost' is not an IP address such as 0.0.0.0, 127.0.0.1 or ::",
        "--metrics-port: 70000 is not a port (1 to 65535, or 0 for a free one)",
        "--grpc-port and --grpc-health-port are both 9003: each needs a port of its own",
        "--workers: 0 is not from 1 to 1024",
        "--max-concurrent-streams: 0 is not from 1 to 2147483647",
        "--grpc-max-recv-msg-size has to be less than 2Gi",
        "--drain-timeout: '30' is not a duration such as 50ms, 5s or 1m30s",
        "--grpc-client-ca-file and --secure-serving=false contradict each other: leave one of them out",
        "--tls-min-version VersionTLS13 is not supported by this version yet: TLS 1.2 and 1.3 are served",
        "--endpoint: 'http://a:1' is a URL: write HOST:PORT, without 'http://'",
        "--endpoint: 'b:1' is given twice",
        "--model-server-metrics-scheme: 'htps' is none of http, https; did you mean 'https'?",
        "--model-server-metrics-path: a path has no blanks and no control characters",
        "--model-server-metrics-port: '70000' is not a port (1 to 65535, or 0 for the engines' own)",
        "--lora-info-metric: 'x{' is no metric: write NAME or NAME{LABEL=VALUE,...}",
        "--scorer: 'queue-scorer' is named twice",
        "--scorer: there is no scorer 'queue-scorrer'; did you mean 'queue-scorer'? (known: "
          + PluginList.standard.types(.scorer).joined(separator: ", ") + ")",
        "--scorer: the weight in 'kv-cache-utilization-scorer=-1' has to be a number from 0, as in "
          + "kv-cache-utilization-scorer=2",
        "--scorer: 'latency-scorer' is part of llm-d's predicted latency, which is not supported by this version yet",
        "--picker: 'best' is none of max-score-picker, random-picker, weighted-random-picker",
        "--max-buffered-bytes (1Mi) is less than --max-request-body-bytes (32Mi): a body of the allowed size could never "
          + "be held",
        "--request-deadline: '0' is not a duration above 0 such as 50ms, 5s or 1m30s",
        "--response-processing: 'ful' is none of full, sampled, none; did you mean 'full'?",
        "--metrics-client-ca-file needs --metrics-cert-dir: without TLS, clients show no certificate",
        "--tracing: 'maybe' is neither true nor false",
        "-v: -1 is less than 0 (2 is the default, 5 the most)",
        "--log-format: 'jsn' is none of text, json; did you mean 'json'?",
      ])
    #expect(result.status == 64)
  }

  @Test func aCertificateForAPlainPortIsSaidAndCountsForNothing() throws {
    let plain = try flags.validated("--cert-path=/certs", "--secure-serving=false")
    #expect(!plain.tls.isSecure && plain.tls.certificateFolder == nil)
    #expect(plain.warnings.contains("--cert-path has no effect: --secure-serving=false serves plain text"))
  }

  @Test func thePoolNameIsALabelWhereEndpointsAreNamed() throws {
    #expect(try flags.validated().endpoints.poolName == "default")
    #expect(try flags.validated("--pool-name=chat").endpoints.poolName == "chat")
    let fromFile = try FlagsUnderTest(common: []).validated(
      "--endpoints-file=endpoints.yaml",
      "--pool-name=chat")
    #expect(fromFile.endpoints.poolName == "chat")
    let discovery =
      TestText.head + """
        plugins: [{type: file-discovery, parameters: {path: endpoints.yaml}}]
        dataLayer: {discovery: {pluginRef: file-discovery}}
        """
    let discovered = try FlagsUnderTest(common: [], files: ["epp.yaml": discovery]).validated(
      "--config-file=epp.yaml",
      "--pool-name=chat")
    #expect(discovered.endpoints.poolName == "chat" && discovered.endpoints.file == "endpoints.yaml")
  }

  @Test func noEndpointsIsAProblem() {
    let result = FlagsUnderTest(common: []).problems()
    #expect(
      result == [
        "no engines: name them with --endpoint HOST:PORT (repeatable) or --endpoints-file FILE, or, in Kubernetes, with "
          + "--pool-name NAME or --endpoint-selector SELECTOR"
      ])
  }

  @Test func emptyTextsOfChartsCountAsNotGiven() throws {
    let configuration = try flags.validated(
      "--pool-name=",
      "--endpoint-selector=",
      "--cert-path=",
      "--config-file=",
      "--config-text=",
      "--grpc-max-recv-msg-size=",
      "--log-format=",
      "--zap-encoder=",
      "--tls-min-version=",
      "--metrics-cert-dir=",
      "--metrics-client-ca-file=",
      "--grpc-client-ca-file=")
    #expect(configuration == (try flags.validated()))
  }

  @Test func certificatesOfBothPortsAreTaken() throws {
    let configuration = try flags.validated(
      "--cert-path=/certs", "--enable-cert-reload", "--grpc-client-ca-file=/gateway.crt", "--metrics-cert-dir=/metrics",
      "--metrics-client-ca-file=/prometheus.crt")
    #expect(configuration.tls.isSecure && configuration.tls.reloads)
    #expect(configuration.tls.certificateFolder == "/certs")
    #expect(configuration.tls.clientAuthorityFile == "/gateway.crt")
    #expect(configuration.observability.certificateFolder == "/metrics")
    #expect(configuration.observability.clientAuthorityFile == "/prometheus.crt")
    #expect(try !flags.validated("--cert-path=/certs").tls.reloads)
  }

  @Test func whatHasNoEffectIsSaid() throws {
    let configuration = try flags.validated(
      "--tracing=true",
      "--enable-pprof=true",
      "--tls-cipher-suites=TLS_AES_128_GCM_SHA256",
      "--grpc-max-send-msg-size=25MB",
      "--refresh-metrics-interval=10ms",
      "--endpoint-target-ports=8000")
    #expect(configuration.endpoints.refreshInterval == .milliseconds(50))
    #expect(
      configuration.warnings == [
        "--grpc-max-send-msg-size has no effect: messages hold at most 62,000 bytes of a body",
        "--tls-cipher-suites has no effect: TLS 1.2 and 1.3 are served with gRPC's own suites",
        "--endpoint-target-ports has no effect without --endpoint-selector",
        "--refresh-metrics-interval 10ms is raised to 50ms",
        "--enable-pprof has no effect: there is no Go runtime to profile",
      ])
  }

  @Test func portsOfZeroDoNotClash() throws {
    let configuration = try flags.validated(
      "--grpc-port=0",
      "--grpc-health-port=0",
      "--metrics-port=0")
    #expect(configuration.listening.grpcPort == 0)
  }

  @Test func scorersOfFlagsReplaceTheDefaultSet() throws {
    let configuration = try flags.validated(
      "--scorer=lora-affinity-scorer=0.5",
      "--scorer=queue-scorer",
      "--picker=random-picker")
    #expect(
      configuration.scheduling.scheduler.profile
        == ProfileConfiguration(
          filters: ProfileConfiguration.weighted.filters,
          scorers: [.init(.loRAAffinity, weight: 0.5), .init(.queue, weight: 1)], picker: .random(maximumEndpoints: 1)))
  }

  @Test func flagsAndFileMakeOneProfile() throws {
    let files = ["epp.yaml": TestText.standard]
    #expect(
      try FlagsUnderTest(files: files).validated("--config-file=epp.yaml").scheduling.scheduler.profile.scorers.count
        == 3)
    #expect(try flags.validated("--config-text=\(TestText.standard)").scheduling.scheduler.profile.scorers.count == 3)
    let both = FlagsUnderTest(files: files).problems(
      "--config-file=epp.yaml",
      "--scorer=queue-scorer=2")
    #expect(
      both == ["--scorer and the scorers of the configuration file exclude each other: give weights in one place"]
    )
    let weighted = try FlagsUnderTest(files: files).validated(
      "--config-file=epp.yaml",
      "--profile=weighted")
    #expect(weighted.scheduling.scheduler.profile == .weighted)
    let picker = TestText.head + "plugins: [{type: max-score-picker, parameters: {maxNumOfEndpoints: 3}}]"
    let combined = try flags.validated(
      "--config-text=\(picker)",
      "--scorer=queue-scorer=2",
      "--picker=random-picker")
    #expect(
      combined.scheduling.scheduler.profile
        == ProfileConfiguration(scorers: [.init(.queue, weight: 2)], picker: .random(maximumEndpoints: 3)))
  }

  @Test func theSessionHeaderOfTheFileReachesTheProfileThatShips() throws {
    let text = TestText.head + "plugins: [{type: session-id-producer, parameters: {headerName: x-chat}}]"
    let configuration = try flags.validated(
      "--config-text=\(text)",
      "--scorer=session-affinity-scorer=2")
    #expect(configuration.scheduling.scheduler.profile.scorers == [.init(.sessionAffinity, weight: 2)])
    #expect(configuration.scheduling.sessionHeader == "x-chat")
    #expect(
      configuration.scheduling.sessionAttributes
        == SessionAttributes([
          ConfiguredPlugin(SessionSource.descriptor, SessionSource.header, "x-chat")
        ]))
  }

  @Test func endpointsFilesComeFromTheFlagOrTheConfiguration() throws {
    let text =
      TestText.head + "plugins: [{type: file-discovery, parameters: {path: /a}}]\n"
      + "dataLayer: {discovery: {pluginRef: file-discovery}}"
    let configuration = try FlagsUnderTest(common: []).validated(
      "--config-text=\(text)")
    #expect(configuration.endpoints.file == "/a" && configuration.endpoints.addresses.isEmpty)
    let both = flags.problems(
      "--endpoints-file=/b",
      "--config-text=\(text)")
    #expect(
      both == [
        "--endpoints-file and file-discovery in the configuration file name two files: give one of them"
      ])
  }

  @Test func problemsOfTheFileHaveAStatusOfTheirOwn() {
    let files = ["epp.yaml": "kind: EndpointPickerConfig\n"]
    let file = FlagsUnderTest(common: [], files: files).refusal(
      "--config-file=epp.yaml")
    #expect(file.lines == ["epp.yaml:1:1: apiVersion is missing: add 'apiVersion: llm-d.ai/v1'"])
    #expect(file.status == 78)
    let both = FlagsUnderTest(files: files).refusal(
      "--config-file=epp.yaml",
      "--workers=0")
    #expect(both.lines.count == 2 && both.status == 64)
    let missing = flags.refusal("--config-file=/none")
    #expect(missing.lines == ["/none: it does not exist"] && missing.status == 78)
  }

  @Test(
    arguments: [
      (nil, nil, nil, "text"), ("json", nil, nil, "json"), (nil, "json", nil, "json"), (nil, "console", false, "text"),
      (nil, nil, false, "json"), (nil, nil, true, "text"), ("text", nil, false, "text"), ("json", "json", nil, "json"),
    ] as [(String?, String?, Bool?, String)])
  func theLogFormatFollowsItsFlags(format: String?, encoder: String?, development: Bool?, expected: String) throws {
    var arguments = ["--log-format=\(format ?? "")", "--zap-encoder=\(encoder ?? "")"]
    if let development { arguments.append("--zap-devel=\(development)") }
    let configuration = try flags.validated(arguments)
    #expect(configuration.observability.logStyle.rawValue == expected)
  }

  @Test func logFlagsMustNotContradict() {
    let result = flags.problems(
      "--log-format=text",
      "--zap-encoder=json")
    #expect(
      result == ["--log-format text and --zap-encoder contradict each other: leave one of them out"])
  }

  @Test(
    arguments: [
      (4, nil, 4), (9, nil, 5), (0, nil, 0), (2, "debug", 4), (4, "info", 2), (2, "error", 0), (2, "5", 5),
      (2, "12", 5),
    ] as [(Int, String?, Int)])
  func verbosityFollowsItsFlags(verbosity: Int, zap: String?, expected: Int) throws {
    let configuration = try flags.validated(
      "-v=\(verbosity)",
      "--zap-log-level=\(zap ?? "")")
    #expect(configuration.observability.verbosity == expected)
  }

  @Test func booleansAreGos() {
    for text in ["1", "t", "T", "true", "TRUE", "True"] { #expect(GoBoolean(argument: text)?.value == true) }
    for text in ["0", "f", "F", "false", "FALSE", "False"] { #expect(GoBoolean(argument: text)?.value == false) }
    for text in ["", "yes", "tRUE", "2"] { #expect(GoBoolean(argument: text)?.value == nil) }
  }
}
