import EPPCore
import Testing

@Suite struct MetricSpecTests {
  typealias Label = MetricSpec.Label

  @Test(
    arguments: [
      ("requests", MetricSpec("requests")),
      (" vllm:num_requests_waiting ", MetricSpec("vllm:num_requests_waiting")),
      ("requests{}", MetricSpec("requests")),
      ("requests{state=waiting}", MetricSpec("requests", [Label("state", "waiting")])),
      (
        "requests { state = \"in, flight}\" , model='a\"b' , }",
        MetricSpec("requests", [Label("state", "in, flight}"), Label("model", "a\"b")])
      ),
      ("a{x=\"q\\\"\\\\\\n\"}", MetricSpec("a", [Label("x", "q\"\\\n")])),
      ("a{x=1.5,y=b-c/d}", MetricSpec("a", [Label("x", "1.5"), Label("y", "b-c/d")])),
      // A label that is given twice counts as the last one, and names of Prometheus itself select nothing.
      ("a{x=1,x=2,__name__=b}", MetricSpec("a", [Label("x", "2")])),
    ])
  func textsOfMetrics(_ text: String, _ expected: MetricSpec) throws {
    let spec = try #require(try MetricSpec.parse(text))
    #expect(spec == expected)
    #expect(try MetricSpec.parse(spec.description) == expected)
  }

  @Test func anEmptyTextIsNoMetric() throws { #expect(try MetricSpec.parse("") == nil) }

  @Test(arguments: ["a{x!=1}", "a{x=~\"b.*\"}", "a{y=1,x!~b}"])
  func otherConditionsAreAcceptedAndKnown(_ text: String) throws {
    let spec = try #require(try MetricSpec.parse(text))
    #expect(spec.hasOtherConditions)
    #expect(!spec.labels.contains { $0.name == "x" })
  }

  @Test(arguments: [
    " ", "1a", "a b", "a{", "a{x}", "a{x=}", "a{x=1", "a{x=1}b", "{x=1}", "a{x=\"1}", "a{x 1}", "a{=1}", "a-b",
    "a{x!1}",
    "sum(a)", "a{,}",
  ])
  func whatIsNoMetricIsAProblem(_ text: String) {
    let error = #expect(throws: MetricSpec.Problem.self) { try MetricSpec.parse(text) }
    #expect(error?.description == "'\(text)' is no metric: write NAME or NAME{LABEL=VALUE,...}")
  }

  @Test func theLabelSaysWhichKindAnEndpointHas() {
    var settings = EngineMetricSettings()
    settings.engines = [EngineMetricSpecs(name: "mine"), EngineMetricSpecs(name: "sglang")]
    func kind(_ labels: [String: String]) -> String? { settings.engine(of: labels)?.name }
    #expect(kind([:]) == nil && kind(["llm-d.ai/engine-type": "vllm"]) == nil)
    #expect(kind(["llm-d.ai/engine-type": "mine"]) == "mine")
    #expect(kind(["inference.networking.k8s.io/engine-type": "mine"]) == "mine")
    #expect(kind(["llm-d.ai/engine-type": "", "inference.networking.k8s.io/engine-type": "sglang"]) == "sglang")
    #expect(kind(["llm-d.ai/engine-type": "mine", "inference.networking.k8s.io/engine-type": "sglang"]) == "mine")
    settings.labelKey = "engine"
    #expect(kind(["llm-d.ai/engine-type": "mine"]) == nil && kind(["engine": "mine"]) == "mine")
    // An unknown kind is the default one.
    settings.defaultEngine = "sglang"
    #expect(kind([:]) == "sglang" && kind(["engine": "other"]) == "sglang" && kind(["engine": "triton"]) == nil)
  }

  @Test func attributesAreFoundByTheirKeys() {
    var attributes = EndpointAttributes()
    #expect(attributes.isEmpty && attributes["a"] == nil)
    attributes["a"] = 1
    attributes["b"] = -2
    var others = EndpointAttributes()
    others["b"] = 3
    others["c"] = 4
    attributes.merge(others)
    #expect(attributes["a"] == 1 && attributes["b"] == 3 && attributes["c"] == 4)
    attributes["a"] = nil
    #expect(attributes["a"] == nil && !attributes.isEmpty)
  }
}
