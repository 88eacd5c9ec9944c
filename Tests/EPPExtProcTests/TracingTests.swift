import EPPCore
import EPPExtProc
import EPPPrefixCache
import EPPRouting
import EPPScheduling
import EPPTestKit
import EPPTracing
import Testing
import Tracing

/// The spans of whole exchanges, and what engines are told of them.
@Suite struct TracingTests {
  private static let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
  private static let unrecorded = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
  private let body = ExtProcExchangeTests.json(2000)

  private func picker(_ sampler: TraceSampler? = TraceSampler(ratio: 0, followsCaller: true)) -> InProcessPicker {
    InProcessPicker { $0.sampler = sampler }
  }

  @Test(arguments: [BodyMode.fullDuplexStreamed, .buffered])
  func anExchangeJoinsTheCallersTraceAndTheEngineJoinsTheExchange(_ mode: BodyMode) throws {
    let picker = picker()
    let gateway = InProcessGateway(picker, request: mode)
    gateway.send([body], headers: [("traceparent", Self.parent), ("x-request-id", "r1")])
    picker.advance(by: .milliseconds(20))
    gateway.respond([
      Array(
        #"{"model":"m","usage":{"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":3}}}"#
          .utf8)
    ])
    gateway.cancel()
    let root = try #require(picker.spans.first(.request))
    #expect(root.context.traceID.text == "4bf92f3577b34da6a3ce929d0e0e4736")
    #expect(root.parentID == 0x00f0_67aa_0ba9_02b7 && root.isParentRemote && root.kind == .server)
    #expect(gateway.request.setHeaders["traceparent"] == root.context.parent)
    #expect(gateway.request.setHeaders["traceparent"] != Self.parent)
    #expect(root.end - root.start == 20_000_000)
    #expect(root.start == InProcessPicker.epoch + picker.clock.now.nanoseconds - 20_000_000)
    #expect(root.attributes.get("gen_ai.request.id") == .string("r1"))
    #expect(root.attributes.get("gen_ai.request.model") == .string("m"))
    #expect(root.attributes.get("http.response.status_code") == .int64(200))
    #expect(root.attributes.get("gen_ai.usage.input_tokens") == .int64(5))
    #expect(root.attributes.get("gen_ai.usage.output_tokens") == .int64(2))
    #expect(root.attributes.get("warmpath.cached_tokens") == .int64(3))
    #expect(root.status == nil)
    #expect(root.events.map(\.name) == ["first token"])
    let scorers = ["kv-cache-utilization-scorer", "prefix-cache-scorer", "queue-scorer"]
    #expect(
      picker.spans.tree.filter { !$0.contains("session-affinity") && !$0.contains("filter_endpoints") }
        == ([
          "- > gateway.request", "gateway.request > gateway.request_orchestration",
          "gateway.request_orchestration > run_scheduler_profile", "gateway.request_orchestration > score_prefix_cache",
          "run_scheduler_profile > llm_d.epp.scoring", "run_scheduler_profile > pick_endpoints",
        ] + scorers.map { "llm_d.epp.scoring > llm_d.epp.scorer.\($0)" }).sorted())
    let decision = try #require(picker.spans.first(.orchestration))
    #expect(decision.attributes.get("warmpath.endpoint") == root.attributes.get("warmpath.endpoint"))
    #expect(decision.attributes.get("target_model") == .string("m"))
    let scorer = try #require(picker.spans.first(.scorer("queue-scorer")))
    #expect(scorer.attributes.get("llm_d.epp.scorer.weight") == .double(2))
    #expect(scorer.attributes.get("llm_d.epp.scorer.endpoints_scored") == .int64(3))
    #expect(scorer.attributes.get("llm_d.epp.scorer.score.max") == .double(1))
    #expect(gateway.violations.isEmpty)
  }

  @Test(arguments: [unrecorded, "nonsense", nil]) func aTraceThatIsNotRecordedLeavesNothing(_ parent: String?) {
    let picker = picker()
    let gateway = InProcessGateway(picker)
    gateway.send([body], headers: parent.map { [("traceparent", $0)] } ?? [])
    gateway.respond([Array("{}".utf8)])
    gateway.cancel()
    let told = gateway.request.setHeaders["traceparent"]
    // The caller's stays; without one, the engine is told that the trace is not recorded.
    if parent == Self.unrecorded { #expect(told == nil) } else { #expect(told?.hasSuffix("-00") == true) }
    #expect(picker.spans.spans.isEmpty)
  }

  @Test func theGatewaysOwnSpanIsTheParentWhereItTraces() throws {
    let picker = picker()
    let own = "00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000aa-01"
    let gateway = InProcessGateway(picker, metadata: ["traceparent": own])
    gateway.send([body], headers: [("traceparent", Self.parent)])
    gateway.cancel()
    #expect(picker.spans.first(.request)?.parentID == 0xaa)
  }

  @Test func withoutACallerATraceBegins() throws {
    let picker = picker(TraceSampler(ratio: 1, followsCaller: true))
    let gateway = InProcessGateway(picker)
    gateway.send([body])
    gateway.respond([Array("{}".utf8)])
    gateway.cancel()
    let root = try #require(picker.spans.first(.request))
    #expect(root.parentID == nil)
    #expect(gateway.request.setHeaders["traceparent"] == root.context.parent)
  }

  @Test func refusalsAndFailuresAreSaid() throws {
    let refusing = picker()
    let refused = InProcessGateway(refusing)
    refused.send([Array("[1]".utf8)], headers: [("traceparent", Self.parent)])
    refused.cancel()
    #expect(refused.request.immediate != nil)
    var root = try #require(refusing.spans.first(.request))
    #expect(root.status?.code == .error)
    #expect(root.attributes.get("http.response.status_code") == .int64(400))
    #expect(refusing.spans.first(.orchestration)?.status?.code == .error)

    let failing = picker()
    let failed = InProcessGateway(failing)
    failed.send([body], headers: [("traceparent", Self.parent)])
    failed.respond([Array("no".utf8)], status: 500)
    failed.cancel()
    root = try #require(failing.spans.first(.request))
    #expect(root.status?.message == "the engine answered with status 500")

    let leaving = picker()
    let left = InProcessGateway(leaving)
    left.sendRequestHeaders([("traceparent", Self.parent)])
    left.cancel()
    #expect(leaving.spans.tree == ["- > gateway.request"])
  }

  @Test func aWaitForTokensIsAStage() throws {
    let tokens = TestTokenSource(.pending(TestPendingTokens()))
    let picker = InProcessPicker {
      $0.sampler = TraceSampler(ratio: 1, followsCaller: true)
      $0.tokens = tokens
    }
    picker.index.setFollowed(true, picker.members[0].endpoint.slot)
    let gateway = InProcessGateway(picker)
    gateway.send([body])
    picker.advance(by: .milliseconds(100))
    gateway.read()
    gateway.cancel()
    let wait = try #require(picker.spans.first(.tokens))
    #expect(wait.end - wait.start == 100_000_000 && wait.kind == .client)
    #expect(picker.spans.tree.contains("gateway.request_orchestration > tokenize_render"))
  }
}
