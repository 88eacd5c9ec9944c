import AsyncHTTPClient
import EPPCore
import EngineSimulator
import NIOCore
import NIOHTTP1
import Testing

/// A prefill and a decode engine with each connector.
@Suite struct EngineTransferTests {
  // MARK: - nixlv2

  private let nixlPrefill =
    #""kv_transfer_params":{"do_remote_decode":true,"do_remote_prefill":false,"remote_engine_id":null}"#

  @Test func nixlBlocksOfThePromptComeFromThePrefillEngine() async throws {
    try await EnginePair.with(.nixlv2, prefill: { $0.host = "localhost" }) { pair in
      let first = try await pair.prefill.complete(nixlPrefill, maximum: 1)
      let parameters = try first.json["kv_transfer_params"]
      #expect(parameters?["do_remote_prefill"] == .bool(true))
      #expect(parameters?["do_remote_decode"] == .bool(false))
      #expect(parameters?["remote_host"] == .string("localhost"))
      #expect(try parameters?["remote_port"] == .number(Double(pair.side.port)))
      #expect(try await pair.prefill.transfers("offered") == 1)
      #expect(try await pair.prefill.metric("vllm:kv_cache_usage_perc") ?? 0 > 0)

      let second = try await pair.decode.complete(#""kv_transfer_params":\#(first.transferParameters)"#)
      #expect(second.status == 200)
      #expect(try second.cachedTokens == second.reusableTokens)
      #expect(try second.json["kv_transfer_params"] == .null)
      #expect(try second.json["usage", "completion_tokens"] == .number(3))
      let hits = try await pair.decode.metric("vllm:external_prefix_cache_hits_total")
      #expect(try second.reusableTokens == .number(hits ?? 0))
      #expect(try await pair.decode.metric("vllm:prefix_cache_hits_total") == 0)
      #expect(try await pair.decode.transfers("loaded") == 1)
      try await pair.prefill.wait { try await pair.prefill.transfers("offered") == 0 }
      #expect(try await pair.prefill.metric("vllm:kv_cache_usage_perc") == 0)
    }
  }

  @Test func nixlBlocksThatAreGoneFailTheRequest() async throws {
    try await EnginePair.with(.nixlv2) { pair in
      let parameters = try await pair.prefill.complete(nixlPrefill, maximum: 1).transferParameters
      let members = #""kv_transfer_params":\#(parameters)"#
      #expect(try await pair.decode.complete(members).status == 200)
      let again = try await pair.decode.complete(members)
      #expect(again.status == 500)
      #expect(try again.json["error", "message"] == .string("Internal server error"))
      #expect(try again.json["error", "type"] == .string("InternalServerError"))
      let streamed = try await pair.decode.complete(members + #","stream":true"#)
      #expect(streamed.status == 200)
      #expect(streamed.events.count == 2)
      #expect(try JSONValue(streamed.events[0])["error", "code"] == .number(500))
      #expect(streamed.events.last == "[DONE]")
      let errors = try await pair.decode.metric(#"vllm:request_success_total{engine="0",finished_reason="error""#)
      #expect(errors == 2)
      #expect(try await pair.decode.metric("vllm:num_requests_waiting") == 0)
      // Without a transfer the engine works alone.
      #expect(try await pair.decode.complete(#""kv_transfer_params":null"#).status == 200)
    }
  }

  @Test func nixlPromptIsComputedWhenThePolicySaysSo() async throws {
    try await EnginePair.with(.nixlv2, decode: { $0.loadFailurePolicy = .recompute }) { pair in
      let parameters = try await pair.prefill.complete(nixlPrefill, maximum: 1).transferParameters
      try await pair.prefill.server.setFault(.loseBlocks)
      let answer = try await pair.decode.complete(#""kv_transfer_params":\#(parameters)"#)
      #expect(answer.status == 200)
      #expect(try answer.cachedTokens == .number(0))
      #expect(try await pair.decode.transfers("failed") == 1)
    }
  }

  @Test func nixlEngineThatIsDownOrAnotherOneFailsTheRequest() async throws {
    try await EnginePair.with(.nixlv2) { pair in
      let parameters = try await pair.prefill.complete(nixlPrefill, maximum: 1).transferParameters
      // The same port, but not the engine that has computed the prompt.
      let other = parameters.replacing(#""remote_engine_id":""#, with: #""remote_engine_id":"0"#)
      #expect(try await pair.decode.complete(#""kv_transfer_params":\#(other)"#).status == 500)
      // Another prompt's blocks are of no use.
      let wrong = #"{"model":"tiny","prompt":"Something else","max_tokens":1,"kv_transfer_params":\#(parameters)}"#
      #expect(try await pair.decode.post("/v1/completions", wrong).status == 500)
      let next = try await pair.prefill.complete(nixlPrefill, maximum: 1).transferParameters
      try await pair.prefill.server.setFault(.refuse)
      #expect(try await pair.decode.complete(#""kv_transfer_params":\#(next)"#).status == 500)
      #expect(try await pair.decode.transfers("failed") == 3)
    }
  }

  @Test func anEngineThatStopsDuringTheTransferHasSentNothing() async throws {
    try await EnginePair.with(.nixlv2, prefill: { $0.timePerThousandTokens = .seconds(600) }) { pair in
      let parameters = try await pair.prefill.complete(nixlPrefill, maximum: 1).transferParameters
      async let decoded = pair.decode.complete(#""kv_transfer_params":\#(parameters)"#)
      try await pair.decode.wait { try await pair.decode.transfers("loading") == 1 }
      try await pair.prefill.server.setFault(.refuse)
      #expect(try await decoded.status == 500)
      try await pair.prefill.server.setFault(.none)
      // Nobody has got the blocks.
      try await pair.prefill.wait { (try? await pair.prefill.transfers("offered")) == 1 }
    }
  }

  @Test func aLeaseEndsWhenNobodyComes() async throws {
    try await EnginePair.with(.nixlv2, prefill: { $0.lease = .milliseconds(20) }) { pair in
      let parameters = try await pair.prefill.complete(nixlPrefill, maximum: 1).transferParameters
      try await pair.prefill.wait { try await pair.prefill.transfers("expired") == 1 }
      #expect(try await pair.prefill.metric("vllm:kv_cache_usage_perc") == 0)
      #expect(try await pair.decode.complete(#""kv_transfer_params":\#(parameters)"#).status == 500)
    }
  }

  // MARK: - sglang

  private func room(_ pair: EnginePair) throws -> String {
    let side = try pair.side
    return #""bootstrap_host":"\#(side.host)","bootstrap_port":\#(side.port),"bootstrap_room":1764613233000000123"#
  }

  @Test(arguments: [true, false]) func sglangEnginesMeetInARoom(decodeIsFirst: Bool) async throws {
    try await EnginePair.with(.sglang) { pair in
      let members = try room(pair)
      func prefill() async throws {
        let answer = try await pair.prefill.complete(members, maximum: 20)
        // A prefill engine makes one token, whatever the client asks for.
        #expect(try answer.json["usage", "completion_tokens"] == .number(1))
      }
      if !decodeIsFirst { try await prefill() }
      async let decoded = pair.decode.complete(members, maximum: 20)
      if decodeIsFirst {
        try await pair.prefill.wait { try await pair.prefill.transfers("waiting") == 1 }
        try await prefill()
      }
      let answer = try await decoded
      #expect(try answer.cachedTokens == answer.reusableTokens)
      #expect(try answer.json["usage", "completion_tokens"] == .number(20))
    }
  }

  @Test func sglangRoomThatStaysEmptyFailsTheRequest() async throws {
    try await EnginePair.with(.sglang, decode: { $0.timeout = .milliseconds(50) }) { pair in
      #expect(try await pair.decode.complete(try room(pair)).status == 500)
      try await pair.prefill.wait { try await pair.prefill.transfers("waiting") == 0 }
      // The way out of a sidecar: the decode engine alone.
      #expect(try await pair.decode.complete(#""stream":false"#).status == 200)
    }
  }

  @Test func aClientThatLeavesEndsTheWaiting() async throws {
    try await EnginePair.with(.sglang) { pair in
      let members = try room(pair)
      let waiting = Task { try await pair.decode.complete(members) }
      try await pair.prefill.wait { try await pair.prefill.transfers("waiting") == 1 }
      #expect(try await pair.decode.requests("running") == 1)
      waiting.cancel()
      try await pair.prefill.wait { try await pair.prefill.transfers("waiting") == 0 }
      try await pair.decode.wait { try await pair.decode.requests("cancelled") == 1 }
      #expect(try await pair.decode.requests("running") == 0)
      #expect(try await pair.decode.metric("vllm:num_requests_waiting") == 0)
    }
  }

  // MARK: - mooncake

  @Test func mooncakeEnginesMeetUnderATransferID() async throws {
    try await EnginePair.with(.mooncake) { pair in
      let side = try pair.side
      var query = HTTPClientRequest(url: "http://\(side)/query")
      query.method = .GET
      let response = try await pair.prefill.http.execute(query, timeout: .seconds(10))
      let engines = try JSONValue(String(buffer: try await response.body.collect(upTo: 1 << 16)))
      guard case .string(let engineID)? = engines["0", "engine_id"] else {
        Issue.record("no engine id")
        return
      }
      func members(_ engine: String) -> String {
        #""kv_transfer_params":{"do_remote_prefill":true,"do_remote_decode":false,"transfer_id":"xfer-1","#
          + #""remote_bootstrap_addr":"http://\#(side)","remote_engine_id":"\#(engine)"}"#
      }
      async let decoded = pair.decode.complete(members(engineID))
      try await pair.prefill.wait { try await pair.prefill.transfers("waiting") == 1 }
      let prefilled = try await pair.prefill.complete(
        #""kv_transfer_params":{"do_remote_prefill":false,"do_remote_decode":true,"transfer_id":"xfer-1"}"#, maximum: 1)
      // MooncakeConnector says nothing in the answer.
      #expect(try prefilled.json["kv_transfer_params"] == .null)
      let answer = try await decoded
      #expect(try answer.cachedTokens == answer.reusableTokens)
      #expect(try await pair.decode.complete(members("other")).status == 500)
    }
  }

  // MARK: - offloading

  private func peer(_ pair: EnginePair) throws -> String {
    let side = try pair.side
    return #"{"kv_request_id":"k1","remote_host":"\#(side.host)","remote_port":\#(side.port)}"#
  }

  @Test func offloadingDecodeEngineFetchesByTheRequestID() async throws {
    try await EnginePair.with(.offloading) { pair in
      _ = try await pair.prefill.complete(
        #""kv_transfer_params":{"remote_decoder":{"kv_request_id":"k1"}}"#, maximum: 1)
      let members = #""kv_transfer_params":{"remote_prefiller":\#(try peer(pair))}"#
      let answer = try await pair.decode.complete(members)
      #expect(try answer.cachedTokens == answer.reusableTokens)
      // What does not come is computed, whatever the policy.
      try await pair.prefill.server.setFault(.loseBlocks)
      #expect(try await pair.decode.complete(members).status == 200)
      #expect(try await pair.decode.transfers("failed") == 1)
    }
  }

  @Test func offloadingEnginesTakeWhatAPeerHolds() async throws {
    try await EnginePair.with(.offloading) { pair in
      let source = #""kv_transfer_params":{"remote_kv_source":\#(try peer(pair))}"#
      let alone = try await pair.decode.post(
        "/v1/completions",
        #"{"model":"tiny","prompt":"Something that nobody has seen so far","max_tokens":1,\#(source)}"#)
      #expect(try alone.cachedTokens == .number(0))
      _ = try await pair.prefill.complete(#""stream":false"#, maximum: 1)
      let answer = try await pair.decode.complete(source)
      guard case .number(let cached)? = try answer.cachedTokens else {
        Issue.record("no usage")
        return
      }
      #expect(cached >= 64)
      #expect(cached.truncatingRemainder(dividingBy: 16) == 0)
    }
  }
}
