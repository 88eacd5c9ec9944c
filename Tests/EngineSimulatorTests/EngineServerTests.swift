import AsyncHTTPClient
import EngineSimulator
import NIOCore
import NIOHTTP1
import Testing

/// The engine over HTTP: what clients send and when answers come.
@Suite struct EngineServerTests {
  private func body(_ prompt: String, maximum: Int, extra: String = "") -> String {
    #"{"model":"tiny","prompt":"\#(prompt)","max_tokens":\#(maximum)\#(extra)}"#
  }

  @Test func tokensArriveWhileTheAnswerIsBeingMadeAndAClientMayLeave() async throws {
    try await EngineClient.with {
      $0.interTokenLatency = .milliseconds(5)
    } _: { engine in
      let request = body("Once upon a time", maximum: 100_000, extra: #","stream":true"#)
      let reading = Task {
        var text = ""
        for try await part in try await engine.open(.POST, "/v1/completions", body: request).body {
          text += String(buffer: part)
          if text.count(of: "data: ") >= 5 { break }
        }
        return text.count(of: "data: ")
      }
      #expect(try await reading.value >= 5)
      // The client has gone in the middle of the stream: its place becomes free.
      try await engine.wait { try await engine.metric("vllm:num_requests_running") == 0 }
      let aborted = try await engine.metric(#"vllm:request_success_total{engine="0",finished_reason="abort""#)
      #expect(aborted == 1)
      #expect(try await engine.metric("vllm:kv_cache_usage_perc") == 0)
    }
  }

  @Test func eachEventIsWrittenWhenItsTokenComes() async throws {
    try await EngineClient.with {
      $0.interTokenLatency = .milliseconds(40)
    } _: { engine in
      let request = body("Once upon a time", maximum: 6, extra: #","stream":true"#)
      var parts: [String] = []
      for try await part in try await engine.open(.POST, "/v1/completions", body: request).body {
        parts.append(String(buffer: part))
      }
      // The last event and [DONE] come together; a busy machine may bring two tokens at once, but not all.
      #expect(parts.count >= 4)
      #expect(parts.first?.split(separator: "\n\n").count == 1)
    }
  }

  @Test func aFollowingTurnFindsThePromptAndTheAnswerInTheCache() async throws {
    try await EngineClient.with { engine in
      let system = String(repeating: "You are a careful assistant. ", count: 40)
      func turn(_ messages: String) async throws -> JSONValue {
        try await engine.post(
          "/v1/chat/completions",
          #"{"model":"tiny","messages":[{"role":"system","content":"\#(system)"},\#(messages)],"max_tokens":80}"#
        ).json
      }
      let question = #"{"role":"user","content":"What is a \"fox\"?"}"#
      let first = try await turn(question)
      #expect(first["usage", "prompt_tokens_details", "cached_tokens"] == .number(0))
      guard case .string(let answer)? = first["choices", 0, "message", "content"] else {
        Issue.record("no answer")
        return
      }
      #expect(first["usage", "completion_tokens"] == .number(80))
      let second = try await turn(
        question + #",{"role":"assistant","content":"\#(answer)"},{"role":"user","content":"And a hare?"}"#)
      guard case .number(let prompt)? = first["usage", "prompt_tokens"],
        case .number(let cached)? = second["usage", "prompt_tokens_details", "cached_tokens"]
      else {
        Issue.record("no usage")
        return
      }
      #expect(cached > prompt + 48 && cached <= prompt + 80)
    }
  }

  @Test func manyClientsAreAnsweredInParallel() async throws {
    try await EngineClient.with { engine in
      try await withThrowingTaskGroup { group in
        for number in 0..<100 {
          group.addTask {
            let streamed = number % 2 == 0 ? #","stream":true"# : ""
            let answer = try await engine.post(
              "/v1/completions", body("Number \(number)", maximum: 20, extra: streamed))
            #expect(answer.status == 200)
            if number % 2 == 0 { #expect(answer.events.count == 21) }
          }
        }
        try await group.waitForAll()
      }
      let ended = try await engine.metric(#"vllm:request_success_total{engine="0",finished_reason="length""#)
      #expect(ended == 100)
      #expect(try await engine.metric("vllm:generation_tokens_total") == 2000)
    }
  }

  /// The first answer's tokens are there before the engine has heard of the second.
  @Test func theHeadComesBeforeTheFirstToken() async throws {
    try await EngineClient.with {
      $0.prefillTokensPerSecond = 1e12
      $0.interTokenLatency = .nanoseconds(1)
      $0.maximumModelTokens = 100
    } _: { engine in
      for stream in [true, false] {
        let request = #"{"model":"tiny","prompt":"a","n":16,"max_tokens":4,"stream":\#(stream)}"#
        let answer = try await engine.post("/v1/completions", request)
        #expect(answer.status == 200)
        if stream { #expect(answer.text.count(of: "data: ") == 16 * 4 + 1) }
        let long = String(repeating: "long ", count: 200)
        let refused = #"{"model":"tiny","prompt":["a","a","a","\#(long)"],"max_tokens":4,"stream":\#(stream)}"#
        #expect(try await engine.post("/v1/completions", refused).status == 400)
      }
      #expect(try await engine.metric("vllm:num_requests_running") == 0)
    }
  }

  @Test func severalPromptsAndAnswersComeInOneAnswer() async throws {
    try await EngineClient.with { engine in
      let json = try await engine.post(
        "/v1/completions", #"{"model":"tiny","prompt":["One two three","Four five six"],"n":2,"max_tokens":3}"#
      ).json
      let indexes = (0..<4).map { json["choices", $0, "index"] }
      #expect(indexes == [0, 1, 2, 3].map { .number($0) })
      #expect(json["choices", 0, "text"] == json["choices", 1, "text"])
      #expect(json["choices", 0, "text"] != json["choices", 2, "text"])
      let tokens = Tokenizer.trained.encode("One two three").count + Tokenizer.trained.encode("Four five six").count
      #expect(json["usage", "prompt_tokens"] == .number(Double(tokens)))
      #expect(json["usage", "completion_tokens"] == .number(12))
      let many = try await engine.post("/v1/completions", #"{"model":"tiny","prompt":"x","n":1000}"#)
      #expect(many.status == 400)
    }
  }

  /// As vLLM counts: of several prompts only one is told, the first one of a stream, else the last one.
  @Test func cachedTokensAreThoseOfOnePrompt() async throws {
    try await EngineClient.with { engine in
      func cached(_ prompts: [String], isStreaming: Bool) async throws -> JSONValue? {
        let list = prompts.map { "\"\($0)\"" }.joined(separator: ",")
        let stream = isStreaming ? #","stream":true,"stream_options":{"include_usage":true}"# : ""
        let answer = try await engine.post(
          "/v1/completions", #"{"model":"tiny","prompt":[\#(list)],"max_tokens":1\#(stream)}"#)
        let json = isStreaming ? try JSONValue(answer.events.dropLast().last ?? "") : try answer.json
        return json["usage", "prompt_tokens_details", "cached_tokens"]
      }
      func prompt(_ word: String) -> String { String(repeating: word, count: 200) }
      let known = prompt("known ")
      _ = try await cached([known], isStreaming: false)
      guard case .number(let tokens)? = try await cached([known], isStreaming: false), tokens > 0 else {
        Issue.record("nothing is cached")
        return
      }
      #expect(try await cached([prompt("one "), known], isStreaming: false) == .number(tokens))
      #expect(try await cached([known, prompt("two ")], isStreaming: false) == .number(0))
      #expect(try await cached([prompt("three "), known], isStreaming: true) == .number(0))
      #expect(try await cached([known, prompt("four ")], isStreaming: true) == .number(tokens))
    }
  }

  @Test func tokenIDsAndPartsOfMessagesArePrompts() async throws {
    try await EngineClient.with { engine in
      let ids = (1...40).map(String.init).joined(separator: ",")
      let tokens = try await engine.post("/v1/completions", #"{"model":"tiny","prompt":[\#(ids)],"max_tokens":1}"#).json
      #expect(tokens["usage", "prompt_tokens"] == .number(40))
      let text = try await engine.post(
        "/v1/chat/completions", #"{"model":"tiny","messages":[{"role":"user","content":"Hello there"}],"max_tokens":1}"#
      ).json
      let parts = try await engine.post(
        "/v1/chat/completions",
        #"{"model":"tiny","messages":[{"role":"user","content":[{"type":"text","text":"Hello there"}]}],"max_tokens":1}"#
      ).json
      #expect(text["usage", "prompt_tokens"] == parts["usage", "prompt_tokens"])
      #expect(text["choices"] == parts["choices"])
    }
  }

  @Test func aChatWithoutALimitEndsByItself() async throws {
    try await EngineClient.with {
      $0.defaultOutputTokens = 7
    } _: { engine in
      let json = try await engine.post(
        "/v1/chat/completions", #"{"model":"tiny","messages":[{"role":"user","content":"Hi"}]}"#
      ).json
      #expect(json["choices", 0, "finish_reason"] == .string("stop"))
      #expect(json["usage", "completion_tokens"] == .number(7))
    }
  }

  @Test func theRequestIDIsEchoedAndNamesTheAnswer() async throws {
    try await EngineClient.with { engine in
      let answer = try await engine.post(
        "/v1/completions", body("x", maximum: 1),
        headers: ["content-type": "application/json", "x-request-id": "req-7"])
      #expect(answer.headers["x-request-id"] == ["req-7"])
      #expect(try answer.json["id"] == .string("cmpl-req-7"))
    }
  }

  @Test func usageNamesNoCachedTokensWhenItIsNotAsked() async throws {
    try await EngineClient.with {
      $0.reportsPromptTokenDetails = false
    } _: { engine in
      let json = try await engine.post("/v1/completions", body("x", maximum: 1)).json
      #expect(json["usage", "prompt_tokens_details"] == .null)
    }
  }

  @Test func adaptersAreLoadedAndUnloadedWhileTheEngineRuns() async throws {
    try await EngineClient.with { engine in
      let request = #"{"model":"lora-b","prompt":"x","max_tokens":1}"#
      #expect(try await engine.post("/v1/completions", request).status == 404)
      let loading = #"{"lora_name":"lora-b","lora_path":"/models/b"}"#
      #expect(try await engine.post("/v1/load_lora_adapter", loading).status == 200)
      #expect(try await engine.post("/v1/load_lora_adapter", loading).status == 400)
      let answer = try await engine.post("/v1/completions", request)
      #expect(try answer.json["model"] == .string("lora-b"))
      #expect(try await engine.get("/metrics").text.contains(#"running_lora_adapters="lora-b""#))
      #expect(try await engine.post("/v1/unload_lora_adapter", #"{"lora_name":"lora-b"}"#).status == 200)
      #expect(try await engine.post("/v1/unload_lora_adapter", #"{"lora_name":"lora-b"}"#).status == 404)
      #expect(try await engine.post("/v1/completions", request).status == 404)
    }
  }

  @Test func theCacheOfAnIdleEngineCanBeEmptied() async throws {
    try await EngineClient.with { engine in
      let request = body(String(repeating: "abcd", count: 100), maximum: 1)
      _ = try await engine.post("/v1/completions", request)
      #expect(try await engine.post("/reset_prefix_cache", "").text == #"{"success":true}"#)
      let answer = try await engine.post("/v1/completions", request).json
      #expect(answer["usage", "prompt_tokens_details", "cached_tokens"] == .number(0))
    }
  }
}
