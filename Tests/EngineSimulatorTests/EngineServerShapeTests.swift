import EngineSimulator
import NIOHTTP1
import Testing

/// Answers have the fields of a real vLLM's, no more and no less.
@Suite struct EngineServerShapeTests {
  private let chat = #"{"model":"tiny","messages":[{"role":"user","content":"Who are you?"}],"max_tokens":6"#
  private let completion = #"{"model":"tiny","prompt":"The quick brown fox","max_tokens":6"#

  @Test func chatAnswerHasVLLMsFields() async throws {
    try await EngineClient.with { engine in
      let answer = try await engine.post("/v1/chat/completions", chat + "}")
      #expect(answer.status == 200)
      #expect(answer.headers["content-type"] == ["application/json"])
      #expect(try answer.json.paths == JSONValue(RecordedAnswers.chat).paths)
      #expect(try answer.json["choices", 0, "finish_reason"] == .string("length"))
      #expect(try answer.json["usage", "completion_tokens"] == .number(6))
    }
  }

  @Test func completionAnswerHasVLLMsFields() async throws {
    try await EngineClient.with { engine in
      let answer = try await engine.post("/v1/completions", completion + "}")
      #expect(answer.status == 200)
      #expect(try answer.json.paths == JSONValue(RecordedAnswers.completion).paths)
      #expect(try answer.json["usage", "prompt_tokens"] == .number(4))
    }
  }

  /// A stream of six tokens: a chat has an event for the role first, and all have the usage last when it is asked for.
  @Test(arguments: [
    ("/v1/chat/completions", #","stream_options":{"include_usage":true}"#, RecordedAnswers.chatStream, 8),
    ("/v1/completions", #","stream_options":{"include_usage":true}"#, RecordedAnswers.completionStream, 7),
    (
      "/v1/completions", #","stream_options":{"include_usage":true,"continuous_usage_stats":true}"#,
      RecordedAnswers.completionStreamContinuous, 7
    ), ("/v1/completions", "", RecordedAnswers.completionStreamWithoutUsage, 6),
  ])
  func streamedEventsHaveVLLMsFields(path: String, options: String, recorded: [String], count: Int) async throws {
    try await EngineClient.with { engine in
      let request = path.contains("chat") ? chat : completion
      let answer = try await engine.post(path, request + #","stream":true\#(options)}"#)
      #expect(answer.headers["content-type"] == ["text/event-stream; charset=utf-8"])
      #expect(answer.events.last == "[DONE]")
      let events = try answer.events.dropLast().map { try JSONValue($0) }
      #expect(events.count == count)
      let expected = try recorded.map { try JSONValue($0).paths }
      #expect(events.prefix(2).map(\.paths) == Array(expected.prefix(2)))
      #expect(events.suffix(2).map(\.paths) == Array(expected.suffix(2)))
    }
  }

  @Test func modelsAndVersionHaveVLLMsFields() async throws {
    try await EngineClient.with {
      $0.adapters = ["lora-a"]
    } _: { engine in
      let models = try await engine.get("/v1/models").json
      #expect(try models.paths == JSONValue(RecordedAnswers.models).paths)
      #expect(models["data", 0, "id"] == .string("tiny"))
      #expect(models["data", 1, "id"] == .string("lora-a"))
      #expect(models["data", 1, "parent"] == .string("tiny"))
      #expect(try await engine.get("/version").json.paths == JSONValue(RecordedAnswers.version).paths)
      let health = try await engine.get("/health")
      #expect(health.status == 200 && health.text.isEmpty)
    }
  }

  /// What is wrong with a request, and vLLM's answer to it.
  @Test(arguments: [
    ("/v1/completions", #"{"model":"nope","prompt":"x"}"#, 404, RecordedAnswers.wrongModel),
    ("/v1/completions", "{not json", 400, RecordedAnswers.badJSON),
    ("/v1/completions", #"{"model":"tiny"}"#, 400, RecordedAnswers.missingPrompt),
    (
      "/v1/completions", #"{"model":"tiny","prompt":"\#(String(repeating: "fox ", count: 101))"}"#, 400,
      RecordedAnswers.tooLong
    ),
    ("/v1/chat/completions", #"{"model":"tiny"}"#, 400, RecordedAnswers.missingMessages),
  ])
  func errorsAreVLLMs(path: String, body: String, status: Int, recorded: String) async throws {
    try await EngineClient.with {
      $0.maximumModelTokens = 100
    } _: { engine in
      let answer = try await engine.post(path, body)
      #expect(answer.status == status)
      let (ours, theirs) = (try answer.json, try JSONValue(recorded))
      #expect(ours.paths == theirs.paths)
      #expect(ours["error", "type"] == theirs["error", "type"])
      #expect(ours["error", "code"] == theirs["error", "code"])
    }
  }

  @Test func otherPathsMethodsAndContentTypesAreRefused() async throws {
    try await EngineClient.with { engine in
      let path = try await engine.get("/v1/nope")
      #expect(path.status == 404)
      #expect(try path.json == JSONValue(RecordedAnswers.unknownPath))
      let method = try await engine.get("/v1/completions")
      #expect(method.status == 405 && method.headers["allow"] == ["POST"])
      #expect(try method.json == JSONValue(RecordedAnswers.wrongMethod))
      let type = try await engine.post("/v1/completions", completion + "}", headers: ["content-type": "text/plain"])
      #expect(type.status == 400)
      #expect(try type.json == JSONValue(RecordedAnswers.wrongContentType))
    }
  }

  @Test func metricsPageHasVLLMsFamiliesTypesAndLabels() async throws {
    try await EngineClient.with {
      $0.adapters = ["lora-a"]
    } _: { engine in
      _ = try await engine.post("/v1/chat/completions", chat.replacing("tiny", with: "lora-a") + "}")
      let text = try await engine.get("/metrics").text
      let page = MetricsText(text)
      #expect(page.malformed == [])
      // By this a picker sees that an engine was started anew.
      #expect(page.types["process_start_time_seconds"] == "gauge")
      for line in RecordedAnswers.metricFamilies.split(separator: "\n") {
        let words = line.split(separator: " ").map(String.init)
        #expect(page.types[words[0]] == words[1], "\(words[0])")
        let expected = Set(words[2].split(separator: ",").map(String.init))
        if words[0] == "vllm:cache_config_info" {
          #expect(page.labels[words[0], default: []].isSuperset(of: expected))
        } else {
          #expect(page.labels[words[0]] == expected, "\(words[0])")
        }
      }
      #expect(text.contains("block_size=\"16\"") && text.contains("num_gpu_blocks=\"8192\""))
    }
  }
}
