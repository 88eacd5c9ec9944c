import EngineSimulator
import Testing

/// Engines that share a directory of blocks, and requests that want a share of their prompt to be there.
@Suite struct SharedStorageTests {
  private func withEngines(_ body: (EnginePair) async throws -> Void) async throws {
    try await withTemporaryDirectory { path in
      try await EnginePair.with(.sharedStorage, prefill: { $0.storage = path }, decode: { $0.storage = path }) { pair in
        try await body(pair)
      }
    }
  }

  @Test func whatOneEngineComputesTheOtherReads() async throws {
    try await withEngines { pair in
      let first = try await pair.prefill.complete(#""cache_hit_threshold":0"#, maximum: 1)
      #expect(try first.cachedTokens == .number(0))
      let second = try await pair.decode.complete(#""cache_hit_threshold":0"#)
      guard case .number(let cached)? = try second.cachedTokens else {
        Issue.record("no usage")
        return
      }
      #expect(cached >= 64)
      #expect(try await pair.decode.metric("vllm:external_prefix_cache_hits_total") == cached)
      #expect(pair.decode.server.sideChannel == nil)
    }
  }

  @Test(arguments: [
    ("/v1/completions", #""prompt":\#(EnginePair.prompt)"#),
    ("/v1/chat/completions", #""messages":[{"role":"user","content":\#(EnginePair.prompt)}]"#),
  ])
  func lessThanTheThresholdIsToldAtOnce(path: String, prompt: String) async throws {
    try await withEngines { pair in
      let body = #"{"model":"tiny",\#(prompt),"max_tokens":3,"cache_hit_threshold":0.5"#
      let answer = try await pair.decode.post(path, body + "}")
      #expect(answer.status == 200)
      #expect(try answer.json["choices", 0, "finish_reason"] == .string("cache_threshold"))
      #expect(try answer.json["usage", "completion_tokens"] == .number(0))
      let streamed = try await pair.decode.post(path, body + #","stream":true}"#)
      let reasons = try streamed.events.dropLast().compactMap { try JSONValue($0)["choices", 0, "finish_reason"] }
      #expect(reasons.last == .string("cache_threshold"))
      #expect(streamed.events.last == "[DONE]")

      #expect(try await pair.prefill.post(path, body.replacing("0.5", with: "0") + "}").status == 200)
      let served = try await pair.decode.post(path, body + "}")
      #expect(try served.json["choices", 0, "finish_reason"] == .string("length"))
      let wrong = try await pair.decode.post(path, body.replacing("0.5", with: "1.5") + "}")
      #expect(wrong.status == 400)
    }
  }

  @Test func lostBlocksAreComputed() async throws {
    try await withEngines { pair in
      _ = try await pair.prefill.complete(#""cache_hit_threshold":0"#, maximum: 1)
      try await pair.decode.server.setFault(.loseBlocks)
      let answer = try await pair.decode.complete(#""cache_hit_threshold":0"#)
      #expect(answer.status == 200)
      #expect(try answer.cachedTokens == .number(0))
    }
  }
}
