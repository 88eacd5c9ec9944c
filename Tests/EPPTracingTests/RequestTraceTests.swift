import EPPCore
import EPPTestKit
import Testing
import Tracing

@testable import EPPTracing

@Suite struct RequestTraceTests {
  private let recorder = SpanRecorder()
  private let clock = ManualClock()

  private func tracing(_ sampler: TraceSampler = .init(ratio: 1, followsCaller: true)) -> RequestTracing {
    RequestTracing(
      tracer: SpanTracer(sampler: sampler, sink: recorder), clock: { [clock] in clock.now },
      timeOfDay: { [clock] in 5_000 + clock.now.nanoseconds })
  }

  @Test func stagesStandInOneAnother() throws {
    let caller = TraceContext(parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", state: "v=1")
    let start = clock.now
    clock.advance(by: .nanoseconds(10))
    let trace = try #require(tracing().begin(.request, under: caller, at: start).trace)
    trace.begin(.orchestration)
    clock.advance(by: .nanoseconds(5))
    trace.begin(.profile)
    trace.setStage(.profile, "default")
    trace.end(failure: "none left")
    trace.end()
    let part = trace.child(.prefill)
    clock.advance(by: .nanoseconds(7))
    trace.set(.model, "m")
    trace.finish()
    part.end()
    #expect(
      recorder.tree == [
        "- > gateway.request", "gateway.request > gateway.request_orchestration",
        "gateway.request > llm_d.pd_proxy.prefill", "gateway.request_orchestration > run_scheduler_profile",
      ])
    let root = try #require(recorder.first(.request))
    #expect(root.parentID == 0x00f0_67aa_0ba9_02b7 && root.isParentRemote)
    #expect(root.context.traceID == caller?.traceID && root.context.state == "v=1")
    #expect(root.start == 5_000 + start.nanoseconds && root.end == root.start + 22)
    #expect(root.attributes.get("gen_ai.request.model") == .string("m"))
    #expect(root.context.parent == trace.header.value)
    let profile = try #require(recorder.first(.profile))
    #expect(profile.status == SpanStatus(code: .error, message: "none left"))
    #expect(profile.start == root.start + 15 && profile.end == profile.start)
    #expect(recorder.spans.count == 4)
  }

  @Test func whatIsNotRecordedMakesNothing() {
    let none = tracing(.init(ratio: 0, followsCaller: true))
    let begun = none.begin(.request, under: nil, at: clock.now)
    #expect(begun.trace == nil)
    // Whoever gets the request is told, and need not decide again.
    #expect(begun.header.flatMap { TraceContext(parent: $0.value) }?.isSampled == false)
    let caller = TraceContext(parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")
    #expect(none.begin(.request, under: caller, at: clock.now).header == nil)
    #expect(recorder.spans.isEmpty)
  }

  @Test func longTextsAreCut() throws {
    let trace = try #require(tracing().begin(.request, under: nil, at: clock.now).trace)
    trace.set(.model, String(repeating: "é", count: 5000))
    trace.fail(String(repeating: "x", count: 5000))
    trace.finish()
    let root = try #require(recorder.first(.request))
    guard case .string(let model) = root.attributes.get("gen_ai.request.model") else {
      Issue.record("no model")
      return
    }
    #expect(model.utf8.count <= SpanRecord.maximumTextLength + 2)
    #expect(root.status?.message?.utf8.count == SpanRecord.maximumTextLength)
  }

  @Test func theLibrarysOwnCallsWork() throws {
    struct Problem: Error {}
    let tracer = SpanTracer(sampler: .init(ratio: 1, followsCaller: true), sink: recorder)
    var context = ServiceContext.topLevel
    tracer.extract(
      ["traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "v=1"], into: &context,
      using: Fields())
    var carrier: [String: String] = [:]
    #expect(throws: Problem.self) {
      try tracer.withSpan("outer", context: context) { outer in
        outer.addLink(SpanLink(context: context, attributes: [:]))
        try tracer.withSpan("inner", context: outer.context) { inner in
          tracer.inject(inner.context, into: &carrier, using: Fields())
          throw Problem()
        }
      }
    }
    #expect(recorder.tree == ["- > outer", "outer > inner"])
    let inner = try #require(recorder.spans.first { $0.name == "inner" })
    #expect(carrier == ["traceparent": inner.context.parent, "tracestate": "v=1"])
    #expect(inner.events.map(\.name) == ["exception"])
    #expect(inner.status?.code == .error)
    #expect(recorder.spans.last?.links.count == 1)
  }
}

private struct Fields: Extractor, Injector {
  func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
  func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
}
