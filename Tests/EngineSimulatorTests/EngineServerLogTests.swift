import AsyncHTTPClient
import EPPCore
import EngineSimulator
import NIOCore
import NIOHTTP1
import Testing

/// The log of requests, faults in the middle of answers, and answers of encode engines.
@Suite struct EngineServerLogTests {
  private let request = #"{"model":"tiny","prompt":"Once upon a time, in a forest","max_tokens":4}"#
  private let streamed = #"{"model":"tiny","prompt":"Once upon a time, in a forest","max_tokens":4,"stream":true}"#

  @Test func requestsAreLoggedAsTheyCome() async throws {
    try await EngineClient.with { engine in
      let body = #"{ "model":"tiny", "prompt":"\u0041 b", "max_tokens":1, "kv_transfer_params" : null }"#
      _ = try await engine.post(
        "/v1/completions?a=1", body,
        headers: ["Content-Type": "application/json", "X-Request-Id": "r1", "x-twice": "1", "X-Twice": "2"])
      _ = try await engine.get("/metrics")
      let log = try await engine.get("/sim/requests").json
      #expect(log["total"] == .number(1))
      #expect(log["running"] == .number(0))
      #expect(log["cancelled"] == .number(0))
      let entry = log["requests", 0]
      #expect(entry?["method"] == .string("POST"))
      #expect(entry?["path"] == .string("/v1/completions?a=1"))
      #expect(entry?["body"] == .string(body))
      #expect(entry?["body_cut"] == .bool(false))
      guard case .array(let headers)? = entry?["headers"] else {
        Issue.record("no headers")
        return
      }
      for pair in [("X-Request-Id", "r1"), ("x-twice", "1"), ("X-Twice", "2")] {
        #expect(headers.contains(.array([.string(pair.0), .string(pair.1)])))
      }
    }
  }

  @Test func theLogIsBounded() async throws {
    try await EngineClient.with { engine in
      let long = #"{"prompt":"\#(String(repeating: "x", count: 100_000))"}"#
      for _ in 0..<65 { _ = try await engine.post("/tokenize", "{}") }
      _ = try await engine.post("/tokenize", long)
      let log = try await engine.get("/sim/requests").json
      #expect(log["total"] == .number(66))
      #expect(log["requests", 0, "number"] == .number(3))
      #expect(log["requests", 63, "body_bytes"] == .number(Double(long.utf8.count)))
      #expect(log["requests", 63, "body_cut"] == .bool(true))
      #expect(log["requests", 64] == nil)
    }
  }

  @Test func errorsHasAStatus() async throws {
    try await EngineClient.with { engine in
      for status in [502, 503, 504] {
        #expect(try await engine.post("/sim/faults", #"{"mode":"errors","status":\#(status)}"#).status == 200)
        let answer = try await engine.post("/v1/completions", request)
        #expect(answer.status == status)
        #expect(try answer.json["error", "code"] == .number(Double(status)))
      }
      #expect(try await engine.get("/sim/faults").json["status"] == .number(504))
      #expect(try await engine.post("/sim/faults", #"{"mode":"errors","status":200}"#).status == 400)
    }
  }

  @Test func cutEndsAnswersInTheirMiddle() async throws {
    try await EngineClient.with { engine in
      try await engine.server.setFault(.cut)
      for body in [request, streamed] {
        let response = try await engine.open(.POST, "/v1/completions", body: body)
        #expect(response.status == .ok)
        var bytes = 0
        await #expect(throws: (any Error).self) {
          for try await part in response.body { bytes += part.readableBytes }
        }
        #expect(bytes > 0)
      }
      #expect(try await engine.requests("cancelled") == 0)
      #expect(try await engine.requests("running") == 0)
      try await engine.wait { try await engine.metric("vllm:num_requests_running") == 0 }
    }
  }

  @Test func garbageIsNoHTTP() async throws {
    try await EngineClient.with { engine in
      try await engine.server.setFault(.garbage)
      await #expect(throws: (any Error).self) { try await engine.post("/v1/completions", request) }
      #expect(try await engine.get("/health").status == 200)
    }
  }

  @Test func hangAfterHeadSendsTheHeadAlone() async throws {
    try await EngineClient.with { engine in
      try await engine.server.setFault(.hangAfterHead)
      let response = try await engine.open(.POST, "/v1/completions", body: streamed)
      #expect(response.status == .ok)
      #expect(try await engine.post("/v1/completions", request).status == 200)
      #expect(try await engine.requests("running") == 1)
      try await engine.server.setFault(.hangAfterHead)
      try await engine.server.setFault(.none)
      let text = String(buffer: try await response.body.collect(upTo: 1 << 16))
      #expect(text.hasSuffix("data: [DONE]\n\n"))
      #expect(text.count(of: "data: ") == 5)
    }
  }

  @Test func slowTransfersTakeSoManyTimesAsLong() async throws {
    try await EnginePair.with(.nixlv2, prefill: { $0.timePerThousandTokens = .milliseconds(100) }) { pair in
      try await pair.prefill.server.setFault(.slowTransfers(10))
      let prefill = #""kv_transfer_params":{"do_remote_decode":true}"#
      let parameters = try await pair.prefill.complete(prefill, maximum: 1).transferParameters
      let answer = try await pair.decode.complete(#""kv_transfer_params":\#(parameters)"#)
      guard case .number(let tokens)? = try answer.json["usage", "prompt_tokens"] else {
        Issue.record("no usage")
        return
      }
      let first = try await pair.decode.metric("vllm:time_to_first_token_seconds_sum") ?? 0
      // A millisecond for each token.
      #expect(first >= tokens / 1000)
      #expect(try await pair.prefill.get("/sim/faults").json["factor"] == .number(10))
    }
  }

  @Test func encodeEnginesSayWhereTheirOutputIs() async throws {
    let image = #"{"type":"image_url","image_url":{"url":"http://images/1.png"}}"#
    let body = #"{"model":"tiny","messages":[{"role":"user","content":[\#(image),\#(image)]}],"max_tokens":1}"#
    try await EngineClient.with {
      $0.encoderConnector = .nixl
    } _: { engine in
      let answer = try await engine.post("/v1/chat/completions", body).json
      guard case .object(let items)? = answer["ec_transfer_params"] else {
        Issue.record("no parameters")
        return
      }
      #expect(items.count == 1)
      #expect(items.values.first?["peer_port"] == .number(Double(engine.server.address.port)))
      let text = try await engine.post("/v1/completions", request).json
      #expect(text["ec_transfer_params"] == .null)
    }
    try await EngineClient.with {
      $0.encoderConnector = .example
    } _: { engine in
      let answer = try await engine.post("/v1/chat/completions", body).json
      #expect(answer["ec_transfer_params"] == .null)
    }
  }

  @Test func anEngineThatWorksAloneTransfersNothing() async throws {
    try await EngineClient.with { engine in
      #expect(engine.server.sideChannel == nil)
      #expect(try await engine.get("/sim/transfers").status == 400)
      let answer = try await engine.post(
        "/v1/completions",
        #"{"model":"tiny","prompt":"x","max_tokens":1,"kv_transfer_params":{"do_remote_decode":true}}"#)
      #expect(try answer.json["kv_transfer_params"] == .null)
    }
  }
}
