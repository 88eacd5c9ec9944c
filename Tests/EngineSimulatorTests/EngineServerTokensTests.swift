import EngineSimulator
import NIOHTTP1
import Testing

/// What an engine tells of a request's tokens is what it computes.
@Suite struct EngineServerTokensTests {
  private let chat = """
    "messages":[{"role":"system","content":"You are terse."},{"role":"user","content":"Who are you?"}]
    """

  private func text(_ tokens: JSONValue?) -> String {
    guard case .array(let elements)? = tokens else { return "" }
    let ids = elements.map { element in
      if case .number(let number) = element { UInt32(number) } else { UInt32.max }
    }
    return String(decoding: Tokenizer.trained.decode(ids), as: UTF8.self)
  }

  private func count(_ tokens: JSONValue?) -> JSONValue? {
    if case .array(let elements)? = tokens { .number(Double(elements.count)) } else { nil }
  }

  @Test func aChatIsRenderedByTheTemplate() async throws {
    try await EngineClient.with { engine in
      let json = try await engine.post("/v1/chat/completions/render", #"{"model":"tiny",\#(chat)}"#).json
      #expect(
        text(json["token_ids"]) == """
          <|im_start|>system
          You are terse.<|im_end|>
          <|im_start|>user
          Who are you?<|im_end|>
          <|im_start|>assistant

          """)
      let without = try await engine.post(
        "/tokenize", #"{"messages":[{"role":"user","content":"Hi"}],"add_generation_prompt":false}"#
      ).json
      #expect(
        text(without["tokens"]) == """
          <|im_start|>system
          You are a helpful assistant.<|im_end|>
          <|im_start|>user
          Hi<|im_end|>

          """)
    }
  }

  @Test func toolsCallsAndTheirResultsAreRendered() async throws {
    try await EngineClient.with { engine in
      let body = #"""
        {"messages":[{"role":"user","content":"Weather in Paris?"},
        {"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":
        {"name":"get_weather","arguments":"{\"city\":\"Paris\",\"days\":[1,2]}"}}]},
        {"role":"tool","tool_call_id":"1","content":"21 degrees"}],
        "tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object"}}}]}
        """#
      let rendered = text(try await engine.post("/v1/chat/completions/render", body).json["token_ids"])
      #expect(
        rendered.contains(
          """
          <tools>
          {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
          </tools>
          """))
      #expect(
        rendered.hasSuffix(
          """
          <|im_start|>user
          Weather in Paris?<|im_end|>
          <|im_start|>assistant
          <tool_call>
          {"name": "get_weather", "arguments": {"city": "Paris", "days": [1, 2]}}
          </tool_call><|im_end|>
          <|im_start|>user
          <tool_response>
          21 degrees
          </tool_response><|im_end|>
          <|im_start|>assistant

          """))
    }
  }

  /// What is rendered is what is computed: the same tokens come back with the answer, streamed or not, and are counted.
  @Test func renderedTokensAreThoseOfTheAnswer() async throws {
    try await EngineClient.with { engine in
      for body in [
        chat, #""messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]"#,
      ] {
        let rendered = try await engine.post("/v1/chat/completions/render", #"{"model":"tiny",\#(body)}"#).json
        let request = #"{"model":"tiny",\#(body),"max_tokens":3,"return_token_ids":true"#
        let answer = try await engine.post("/v1/chat/completions", request + "}").json
        #expect(answer["prompt_token_ids"] == rendered["token_ids"])
        #expect(answer["usage", "prompt_tokens"] == count(rendered["token_ids"]))
        #expect(.string(text(answer["choices", 0, "token_ids"])) == answer["choices", 0, "message", "content"])
        let streamed = try await engine.post("/v1/chat/completions", request + #","stream":true}"#)
        #expect(try JSONValue(streamed.events[0])["prompt_token_ids"] == rendered["token_ids"])
        #expect(try count(JSONValue(streamed.events[1])["choices", 0, "token_ids"]) == .number(1))
        let counted = try await engine.post("/tokenize", #"{"model":"tiny",\#(body)}"#).json
        #expect(counted["tokens"] == rendered["token_ids"])
        #expect(counted["count"] == count(rendered["token_ids"]))
      }
      let prompts = #""prompt":["Hello world","Once upon a time"]"#
      let rendered = try await engine.post("/v1/completions/render", "{\(prompts)}").json
      let answer = try await engine.post(
        "/v1/completions", #"{\#(prompts),"max_tokens":2,"return_token_ids":true}"#
      ).json
      for index in 0..<2 {
        #expect(answer["choices", index, "prompt_token_ids"] == rendered[index, "token_ids"])
        #expect(count(answer["choices", index, "token_ids"]) == .number(2))
      }
    }
  }

  @Test func renderedRequestsHaveVLLMsFields() async throws {
    try await EngineClient.with { engine in
      let options = #""max_tokens":6,"temperature":0,"ignore_eos":true"#
      let one = try await engine.post("/v1/chat/completions/render", #"{"model":"tiny",\#(chat),\#(options)}"#).json
      #expect(try one.paths == JSONValue(RecordedAnswers.render).paths)
      #expect(try one["sampling_params"] == JSONValue(RecordedAnswers.render)["sampling_params"])
      #expect(one["model"] == .string("tiny"))
      let list = try await engine.post("/v1/completions/render", #"{"prompt":"Hello world","cache_salt":"a"}"#).json
      #expect(try list[0]?["sampling_params"] == JSONValue(RecordedAnswers.renderMinimal)["sampling_params"])
      #expect(list[0, "model"] == .null)
      #expect(list[0, "cache_salt"] == .string("a"))
      #expect(list[1] == nil)
      let named = try await engine.post(
        "/v1/completions/render", #"{"prompt":["a","b"]}"#,
        headers: ["content-type": "application/json", "x-request-id": "r"]
      ).json
      #expect(named[1, "request_id"] == .string("cmpl-r-1"))
      let ids = try await engine.post("/v1/completions/render", #"{"prompt":[9707,1879]}"#).json
      #expect(ids[0, "token_ids"] == .array([.number(9707), .number(1879)]))
    }
  }

  @Test func placesOfTokensAreCountedInCharacters() async throws {
    try await EngineClient.with { engine in
      let json = try await engine.post(
        "/v1/completions/render", #"{"prompt":" the 世b","return_token_offsets":true}"#
      ).json
      guard case .array(let offsets)? = json[0, "token_offsets"], case .array(let tokens)? = json[0, "token_ids"] else {
        Issue.record("no offsets")
        return
      }
      #expect(offsets.count == tokens.count)
      #expect(offsets.first == .array([.number(0), .number(4)]))
      #expect(offsets.last?[1] == .number(7))
      for (one, next) in zip(offsets, offsets.dropFirst()) {
        guard case .number(let end)? = one[1], case .number(let start)? = next[0] else { continue }
        #expect(start == end || start == end - 1)
      }
    }
  }

  @Test func tokensBecomeTextAndNames() async throws {
    try await EngineClient.with { engine in
      let tokens = try await engine.post("/tokenize", #"{"prompt":"Hello world, 你好","return_token_strs":true}"#).json
      #expect(try tokens.paths == JSONValue(RecordedAnswers.tokenize).paths)
      #expect(tokens["max_model_len"] == .number(131_072))
      guard case .array(let ids)? = tokens["tokens"], case .array(let names)? = tokens["token_strs"] else {
        Issue.record("no tokens")
        return
      }
      #expect(names.count == ids.count && names.contains(.string("Ġworld")))
      let list = ids.map { if case .number(let id) = $0 { "\(Int(id))" } else { "" } }.joined(separator: ",")
      let back = try await engine.post("/detokenize", #"{"tokens":[\#(list)]}"#).json
      #expect(back["prompt"] == .string("Hello world, 你好"))
    }
  }

  @Test(arguments: ["/v1/completions/render", "/v1/chat/completions/render", "/tokenize"])
  func wrongRequestsForTokensAreRefusedAsByVLLM(path: String) async throws {
    try await EngineClient.with {
      $0.maximumModelTokens = 50
    } _: { engine in
      let prompt = path.contains("chat") ? chat : #""prompt":"x""#
      let model = try await engine.post(path, #"{"model":"nope",\#(prompt)}"#)
      #expect(model.status == 404)
      #expect(try model.json["error", "type"] == .string("NotFoundError"))
      #expect(try await engine.post(path, "{not json").status == 400)
      #expect(try await engine.post(path, "{}").status == 400)
      #expect(try await engine.get(path).status == 405)
      let words = String(repeating: "fox ", count: 60)
      let long = prompt.replacing("Who are you?", with: words).replacing("\"x\"", with: "\"\(words)\"")
      let answer = try await engine.post(path, "{\(long)}")
      #expect(answer.status == (path == "/tokenize" ? 200 : 400))
      if answer.status == 400 { #expect(try answer.json["error", "param"] == .string("input_tokens")) }
    }
  }

  @Test func renderingCanBeForbidden() async throws {
    try await EngineClient.with {
      $0.servesScaleOut = false
    } _: { engine in
      let answer = try await engine.post("/v1/completions/render", #"{"prompt":"x"}"#)
      #expect(answer.status == 403)
      #expect(try answer.json["error", "type"] == .string("PermissionDeniedError"))
      #expect(try await engine.post("/tokenize", #"{"prompt":"x"}"#).status == 200)
    }
  }

  @Test func renderingCanBeSlowAndCanFail() async throws {
    try await EngineClient.with {
      $0.renderDelay = .milliseconds(150)
    } _: { engine in
      let start = ContinuousClock.now
      let answer = try await engine.post("/v1/completions/render", #"{"prompt":"x"}"#)
      #expect(answer.status == 200)
      #expect(ContinuousClock.now - start >= .milliseconds(150))
      _ = try await engine.post("/sim/faults", #"{"mode":"render-errors"}"#)
      #expect(try await engine.post("/v1/completions/render", #"{"prompt":"x"}"#).status == 500)
      #expect(try await engine.post("/tokenize", #"{"prompt":"x"}"#).status == 500)
      #expect(try await engine.post("/v1/completions", #"{"prompt":"x","max_tokens":1}"#).status == 200)
    }
  }

  /// With n prompt tokens, of which a number of full blocks is cached: whole blocks, and never the last token.
  @Test func cachedTokensAreWholeBlocksBeforeTheLastToken() async throws {
    try await EngineClient.with { engine in
      for count in [15, 16, 17, 31, 32, 33, 100] {
        let ids = (0..<count).map { "\(5000 + count * 200 + $0)" }.joined(separator: ",")
        let request = #"{"prompt":[\#(ids)],"max_tokens":1}"#
        _ = try await engine.post("/v1/completions", request)
        let again = try await engine.post("/v1/completions", request).json
        let expected = min(count / 16 * 16, (count - 1) / 16 * 16)
        #expect(again["usage", "prompt_tokens_details", "cached_tokens"] == .number(Double(expected)))
      }
    }
  }
}
