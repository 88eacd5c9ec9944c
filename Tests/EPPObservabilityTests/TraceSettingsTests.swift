import EPPTracing
import Testing

@testable import EPPObservability

@Suite struct TraceSettingsTests {
  private func read(_ variables: [String: String]) -> (settings: TraceSettings?, warnings: [String]) {
    TraceSettings.read(variables, service: "llm-d-epp", version: "1.2")
  }

  private func collector(_ variables: [String: String]) -> TraceSettings.Collector? {
    if case .collector(let collector) = read(variables).settings?.destination { collector } else { nil }
  }

  @Test func withoutVariablesItIsTheLocalCollectorAndATenth() throws {
    let (settings, warnings) = read([:])
    #expect(warnings.isEmpty)
    #expect(settings?.destination == .collector(.init(url: "http://localhost:4318/v1/traces")))
    #expect(settings?.sampler == TraceSampler(ratio: 0.1, followsCaller: true))
    #expect(
      settings?.resource
        == [.init(key: "service.name", value: "llm-d-epp"), .init(key: "service.version", value: "1.2")])
    #expect(settings?.delay == .seconds(5) && settings?.capacity == 2048 && settings?.batch == 512)
  }

  @Test(
    arguments: [
      (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"], "http://c:4318/v1/traces"),
      (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"], "http://c:4318/v1/traces"),
      (["OTEL_EXPORTER_OTLP_ENDPOINT": "https://c/otlp/"], "https://c/otlp/v1/traces"),
      (["OTEL_EXPORTER_OTLP_ENDPOINT": "c:4318"], "http://c:4318/v1/traces"),
      (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://[::1]:4318"], "http://[::1]:4318/v1/traces"),
      (["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:9/x?y=1"], "http://c:9/x?y=1"),
      (
        ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:2"], "http://c:2/"
      ),
      (
        ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"],
        "http://c:4317/v1/traces"
      ),
      (["OTEL_EXPORTER_OTLP_ENDPOINT": ""], "http://localhost:4318/v1/traces"),
    ])
  func addressesAreThoseOfTheSpecification(_ variables: [String: String], _ url: String) {
    #expect(collector(variables)?.url == url)
    #expect(read(variables).warnings.isEmpty)
  }

  @Test(
    arguments: [
      (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"], "http://c:4318/v1/traces"),
      (["OTEL_EXPORTER_OTLP_ENDPOINT": "c:4317"], "http://c:4318/v1/traces"),
      (["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c:4317"], "https://c:4318/v1/traces"),
      (["OTEL_EXPORTER_OTLP_ENDPOINT": "grpc://c:99"], "http://c:4318/v1/traces"),
      (
        ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:99", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"], "http://c:4318/v1/traces"
      ),
      (["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"], "http://localhost:4318/v1/traces"),
    ])
  func anAddressOfGRPCIsOneWarningThatNamesThePortOfHTTP(_ variables: [String: String], _ url: String) {
    let (settings, warnings) = read(variables)
    #expect(settings != nil)
    #expect(collector(variables)?.url == url)
    #expect(warnings.count == 1 && warnings[0].contains(url) && warnings[0].contains("gRPC"))
  }

  @Test func whatCannotBeUsedIsAWarningAndCountsAsNotGiven() {
    let (settings, warnings) = read([
      "OTEL_EXPORTER_OTLP_ENDPOINT": "unix:///run/x", "OTEL_TRACES_EXPORTER": "zipkin", "OTEL_TRACES_SAMPLER": "mine",
      "OTEL_TRACES_SAMPLER_ARG": "2", "OTEL_BSP_MAX_QUEUE_SIZE": "0", "OTEL_BSP_SCHEDULE_DELAY": "soon",
      "OTEL_EXPORTER_OTLP_PROTOCOL": "tcp", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip", "OTEL_PROPAGATORS": "b3",
      "OTEL_EXPORTER_OTLP_HEADERS": "secret-without-key", "OTEL_RESOURCE_ATTRIBUTES": "=x,a=b",
    ])
    var expected = TraceSettings(destination: .collector(.init(url: "http://localhost:4318/v1/traces")))
    expected.resource = [
      .init(key: "service.name", value: "llm-d-epp"), .init(key: "service.version", value: "1.2"),
      .init(key: "a", value: "b"),
    ]
    #expect(settings == expected)
    #expect(warnings.count == 11)
    #expect(!warnings.contains { $0.contains("secret") })
  }

  @Test func samplersResourcesAndHeadersAreRead() {
    for (name, sampler) in [
      ("always_on", TraceSampler(ratio: 1, followsCaller: false)),
      ("always_off", TraceSampler(ratio: 0, followsCaller: false)),
      ("traceidratio", TraceSampler(ratio: 0.25, followsCaller: false)),
      ("parentbased_always_on", TraceSampler(ratio: 1, followsCaller: true)),
      ("parentbased_always_off", TraceSampler(ratio: 0, followsCaller: true)),
      ("parentbased_traceidratio", TraceSampler(ratio: 0.25, followsCaller: true)),
    ] {
      #expect(
        read(["OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": "0.25"]).settings?.sampler == sampler, "\(name)")
    }
    let resource = read([
      "OTEL_RESOURCE_ATTRIBUTES": "service.name=other, k8s.pod.name = p%2C1 ,service.version=9",
      "OTEL_SERVICE_NAME": "mine",
    ]).settings?.resource
    #expect(
      resource == [
        .init(key: "service.name", value: "mine"), .init(key: "service.version", value: "9"),
        .init(key: "k8s.pod.name", value: "p,1"),
      ])
    let given = collector([
      "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20abc", "OTEL_EXPORTER_OTLP_TIMEOUT": "250",
      "OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca.pem",
    ])
    #expect(given?.headers == [.init(name: "authorization", value: "Bearer abc")])
    #expect(given?.timeout == .milliseconds(250) && given?.authorityFile == "/ca.pem")
  }

  @Test func tracingIsSwitchedOffByVariables() {
    #expect(read(["OTEL_SDK_DISABLED": "true"]).settings == nil)
    #expect(read(["OTEL_TRACES_EXPORTER": "none"]).settings == nil)
    #expect(read(["OTEL_TRACES_EXPORTER": "console"]).settings?.destination == .console)
  }
}
