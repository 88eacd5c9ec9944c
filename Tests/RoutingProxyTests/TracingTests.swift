import EPPCore
import EPPTestKit
import EPPTracing
import NIOCore
import NIOEmbedded
import RoutingProxy
import Testing
import Tracing

/// The spans of whole requests through the proxy, and what engines are told of them.
@Suite struct TracingTests {
  private static let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
  private static let body = #"{"model":"m","prompt":"hello"}"#

  private static func post(_ headers: String = "traceparent: \(parent)\r\ntracestate: v=1\r\n") -> String {
    "POST /v1/completions HTTP/1.1\r\nHost: pod\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  private static func ok(_ body: String, status: String = "200 OK") -> String {
    "HTTP/1.1 \(status)\r\ncontent-type: application/json\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  private static func parent(in request: String) -> [String] {
    request.split(separator: "\r\n").filter { $0.lowercased().hasPrefix("traceparent:") }.map {
      String($0.dropFirst("traceparent: ".count))
    }
  }

  private func parts(_ sampler: TraceSampler? = TraceSampler(ratio: 0, followsCaller: true)) throws -> ProxyParts {
    try ProxyParts(sampler: sampler)
  }

  @Test func theEngineJoinsTheRequestAndTheRequestTheCaller() throws {
    let parts = try parts()
    try parts.send(Self.post())
    let request = try parts.request()
    try parts.reply(Self.ok("{}"))
    let root = try #require(parts.spans.first(.sidecarRequest))
    #expect(root.context.traceID.text == "4bf92f3577b34da6a3ce929d0e0e4736" && root.parentID == 0x00f0_67aa_0ba9_02b7)
    #expect(Self.parent(in: request) == [root.context.parent])
    #expect(request.contains("tracestate: v=1\r\n"))
    #expect(root.attributes.get("url.path") == .string("/v1/completions"))
    #expect(root.attributes.get("http.response.status_code") == .int64(200))
    #expect(parts.spans.spans.count == 1)
  }

  @Test func eachEngineOfADisaggregatedRequestJoinsItsStage() throws {
    let parts = try parts()
    try parts.send(Self.post("traceparent: \(Self.parent)\r\nx-prefiller-host-port: 10.0.0.7:8000\r\n"))
    let prefill = try parts.request(0)
    try parts.reply(Self.ok(#"{"kv_transfer_params":{}}"#), 0)
    let decode = try parts.request(1)
    try parts.reply(Self.ok("{}"), 1)
    #expect(
      parts.spans.tree == [
        "- > llm_d.pd_proxy.request", "llm_d.pd_proxy.request > llm_d.pd_proxy.decode",
        "llm_d.pd_proxy.request > llm_d.pd_proxy.prefill",
      ])
    #expect(Self.parent(in: prefill) == [parts.spans.first(.prefill)?.context.parent])
    #expect(Self.parent(in: decode) == [parts.spans.first(.decode)?.context.parent])
    #expect(parts.spans.first(.prefill)?.attributes.get("server.address") == .string("10.0.0.7:8000"))
  }

  @Test func failuresAreSaid() throws {
    let parts = try parts()
    try parts.send(Self.post("traceparent: \(Self.parent)\r\nx-prefiller-host-port: 10.0.0.7:8000\r\n"))
    _ = try parts.request(0)
    try parts.reply(Self.ok("{}", status: "500 No"), 0)
    _ = try parts.request(1)
    try parts.reply(Self.ok("{}", status: "503 No"), 1)
    #expect(parts.spans.first(.prefill)?.status?.message == "the engine answered with status 500")
    #expect(parts.spans.first(.decode)?.status?.code == .error)
    #expect(parts.spans.first(.sidecarRequest)?.status?.message == "the answer has status 503")
  }

  @Test func anAnswerThatIsBrokenOffHasFailed() throws {
    let parts = try parts()
    try parts.send(Self.post())
    _ = try parts.request()
    try parts.reply("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    _ = try? parts.client.close().wait()
    let root = try #require(parts.spans.first(.sidecarRequest))
    #expect(root.attributes.get("http.response.status_code") == .int64(200))
    #expect(root.status?.message == "the answer was broken off")
  }

  @Test func aClientThatLeavesEndsAllSpans() throws {
    let parts = try parts()
    try parts.send(Self.post("traceparent: \(Self.parent)\r\nx-prefiller-host-port: 10.0.0.7:8000\r\n"))
    _ = try parts.request(0)
    _ = try? parts.client.close().wait()
    #expect(parts.spans.tree == ["- > llm_d.pd_proxy.request", "llm_d.pd_proxy.request > llm_d.pd_proxy.prefill"])
    #expect(parts.spans.first(.sidecarRequest)?.status?.code == .error)
  }

  @Test func probesAndTracesThatAreNotRecordedStayAsTheyAre() throws {
    let parts = try parts()
    try parts.send("GET /metrics HTTP/1.1\r\nHost: pod\r\ntraceparent: \(Self.parent)\r\n\r\n")
    #expect(Self.parent(in: try parts.request()) == [Self.parent])
    try parts.reply(Self.ok("x"))
    let other = Self.parent.dropLast() + "0"
    try parts.send(Self.post("traceparent: \(other)\r\n"))
    #expect(Self.parent(in: try parts.request()) == [String(other)])
    try parts.reply(Self.ok("{}"))
    #expect(parts.spans.spans.isEmpty)
  }
}
