import AsyncHTTPClient
import EngineSimulator
import NIOCore
import NIOHTTP1
import Testing

/// Engines that misbehave on purpose, and recover.
@Suite struct EngineServerFaultTests {
  private let request = #"{"model":"tiny","prompt":"Once upon a time, in a forest","max_tokens":2}"#

  private func set(_ fault: String, on engine: EngineClient) async throws {
    let answer = try await engine.post("/sim/faults", fault)
    #expect(answer.status == 200)
  }

  @Test func errorsAnswersInferenceWith500AndLooksWellOtherwise() async throws {
    try await EngineClient.with { engine in
      try await set(#"{"mode":"errors"}"#, on: engine)
      let answer = try await engine.post("/v1/completions", request)
      #expect(answer.status == 500)
      #expect(try answer.json["error", "type"] == .string("InternalServerError"))
      #expect(try await engine.get("/health").status == 200)
      #expect(try await engine.get("/metrics").status == 200)
      #expect(try await engine.get("/sim/faults").json["mode"] == .string("errors"))
      try await set(#"{"mode":"none"}"#, on: engine)
      #expect(try await engine.post("/v1/completions", request).status == 200)
    }
  }

  @Test func slowTakesSoManyTimesAsLong() async throws {
    try await EngineClient.with { engine in
      try await set(#"{"mode":"slow","factor":20}"#, on: engine)
      _ = try await engine.post("/v1/completions", request)
      // 8 tokens at 8,000 a second take 1 ms; the engine's own time is exact.
      #expect(try await engine.metric("vllm:time_to_first_token_seconds_sum") == 0.02)
      #expect(try await engine.metric("vllm:inter_token_latency_seconds_sum") == 0.02)
    }
  }

  @Test func hangAnswersNothingUntilItEnds() async throws {
    try await EngineClient.with { engine in
      try await set(#"{"mode":"hang"}"#, on: engine)
      for path in ["/health", "/metrics"] {
        await #expect(throws: HTTPClientError.self) { try await engine.send(.GET, path, within: .milliseconds(200)) }
      }
      async let waiting = engine.post("/v1/completions", request)
      #expect(try await engine.get("/sim/faults").json["mode"] == .string("hang"))
      try await set(#"{"mode":"none"}"#, on: engine)
      #expect(try await waiting.status == 200)
      #expect(try await engine.get("/health").status == 200)
    }
  }

  @Test func hangStopsAStreamInItsMiddleAndItGoesOnAfterwards() async throws {
    try await EngineClient.with {
      $0.interTokenLatency = .milliseconds(20)
    } _: { engine in
      // It does not end while the test is kept from running.
      let streamed = #"{"model":"tiny","prompt":"Once upon a time","max_tokens":100000,"stream":true}"#
      let answer = try await engine.open(.POST, "/v1/completions", body: streamed)
      var parts = answer.body.makeAsyncIterator()
      var events = 0
      func read(_ more: Int) async throws {
        let wanted = events + more
        while events < wanted, let part = try await parts.next() { events += String(buffer: part).count(of: "data: ") }
        #expect(events >= wanted)
      }
      try await read(5)
      try await set(#"{"mode":"hang","seconds":0.2}"#, on: engine)
      // Steps of 20 ms, and one in whose middle nothing happened for 200 ms. The engine's own time is exact.
      let latency = "vllm:inter_token_latency_seconds"
      try await engine.wait {
        let page = try await engine.get("/metrics").text
        let all = EngineClient.metric(latency + "_count", in: page) ?? 0
        let short = EngineClient.metric(latency + #"_bucket{engine="0",le="0.2""#, in: page) ?? 0
        return all - short == 1
      }
      // More than can have been under way.
      try await read(50)
    }
  }

  @Test func refuseClosesThePortAndResetsStreams() async throws {
    try await EngineClient.with {
      $0.interTokenLatency = .milliseconds(5)
    } _: { engine in
      let streamed = #"{"model":"tiny","prompt":"Once upon a time","max_tokens":100000,"stream":true}"#
      let response = try await engine.open(.POST, "/v1/completions", body: streamed)
      try await engine.server.setFault(.refuse)
      await #expect(throws: (any Error).self) { for try await _ in response.body {} }
      await #expect(throws: (any Error).self) { try await engine.get("/health") }
      try await engine.server.setFault(.none)
      try await engine.wait { (try? await engine.get("/health").status) == 200 }
      #expect(try await engine.metric("vllm:num_requests_running") == 0)
      #expect(try await engine.post("/v1/completions", request).status == 200)
    }
  }

  @Test func aFaultWithADurationEndsByItself() async throws {
    try await EngineClient.with { engine in
      try await set(#"{"mode":"refuse","seconds":0.3}"#, on: engine)
      // Nothing answers until then.
      try await engine.wait { (try? await engine.get("/health").status) == 200 }
      #expect(try await engine.get("/sim/faults").json["mode"] == .string("none"))
    }
  }

  @Test func anEngineMayStartWithAFault() async throws {
    try await EngineClient.with {
      $0.fault = .errors()
    } _: { engine in
      let answer = try await engine.post("/v1/completions", request)
      #expect(answer.status == 500)
    }
  }

  @Test func anAnswerThatWasDelayedWaitsForTheEndOfHang() async throws {
    try await EngineClient.with {
      $0.renderDelay = .milliseconds(50)
    } _: { engine in
      let start = ContinuousClock.now
      async let waiting = engine.post("/tokenize", #"{"prompt":"Hello"}"#)
      try await set(#"{"mode":"hang","seconds":0.4}"#, on: engine)
      // Asked before the fault or in it, the answer comes after it.
      #expect(try await waiting.status == 200)
      #expect(ContinuousClock.now - start >= .milliseconds(400))
    }
  }

  @Test(arguments: [
    #"{"mode":"sleepy"}"#, #"{"mode":"slow","factor":0}"#, #"{"mode":"slow","factor":-1}"#,
    #"{"mode":"slow","factor":1e300}"#, #"{"mode":"slow","factor":1e-4}"#, "{", "",
  ])
  func anUnknownFaultIsRefused(body: String) async throws {
    try await EngineClient.with { engine in
      let answer = try await engine.post("/sim/faults", body)
      #expect(answer.status == 400)
      #expect(try await engine.get("/sim/faults").json["mode"] == .string("none"))
    }
  }

  @Test(arguments: [
    ("none", EngineFault.none), ("slow", .slow(10)), ("slow:2.5", .slow(2.5)), ("errors", .errors()), ("hang", .hang),
    ("refuse", .refuse), ("slow:", nil), ("slow:0", nil), ("errors:3", nil),
    ("errors:503", .errors(status: 503)), ("errors:600", nil), ("slow-transfers", .slowTransfers(10)),
    ("slow-transfers:3", .slowTransfers(3)), ("lose-blocks", .loseBlocks), ("cut", .cut), ("cut:1", nil),
    ("garbage", .garbage), ("hang-after-head", .hangAfterHead), ("", nil), ("slow:inf", nil),
    ("slow:1e300", nil), ("slow:1000000", .slow(1e6)), ("slow:0.001", .slow(0.001)), ("slow:0.0009", nil),
  ])
  func faultsAreReadFromWords(text: String, fault: EngineFault?) {
    #expect(EngineFault(text) == fault)
  }
}
