import EPPCore
import EPPRequests
import Testing

/// What a request says beside its prompt, and what is wrong with it.
@Suite struct RequestParserTests {
  private static let chat = #""messages":[{"role":"user","content":"hi"}]"#

  @Test func membersAreRead() throws {
    let body = #"{"model":"m","stream":true,"max_tokens":5,"cache_salt":"s\u0061lt",\#(Self.chat)}"#
    let request = try ParsedRequest(.chatCompletions, body).request
    #expect(request.api == .chatCompletions)
    #expect(request.model == "m")
    #expect(request.targetModel == "m")
    #expect(request.modelRange == 9..<12)
    #expect(request.cacheSalt == "salt")
    #expect(request.bodyBytes == body.utf8.count)
    // A mark, the role, a mark, the content: 8 bytes.
    #expect(request.promptTokens == 2)
  }

  @Test func absentMembersHaveDefaults() throws {
    let request = try ParsedRequest(.chatCompletions, #"{"model":"m",\#(Self.chat)}"#).request
    #expect(request.cacheSalt == nil)
  }

  @Test(
    arguments: [
      (.chatCompletions, #""prompt_logprobs":1"#, true), (.chatCompletions, #""prompt_logprobs":0"#, true),
      (.chatCompletions, #""prompt_logprobs":null"#, false), (.chatCompletions, #""echo":true"#, true),
      (.chatCompletions, #""echo":false,"logprobs":true"#, false), (.chatCompletions, #""logprobs":true"#, false),
      (.completions, #""prompt_logprobs":1"#, true), (.completions, #""echo":true"#, false),
      (.completions, #""echo":true,"logprobs":0"#, true), (.completions, #""logprobs":5"#, false),
      (.completions, #""echo":true,"logprobs":null"#, false), (.completions, #""x":{"prompt_logprobs":1}"#, false),
      (.messages, #""prompt_logprobs":1"#, false),
    ] as [(InferenceAPI, String, Bool)])
  func probabilitiesOfThePromptNeedItComputed(_ api: InferenceAPI, _ members: String, _ expected: Bool) throws {
    let prompt = api == .completions ? #""prompt":"a""# : Self.chat
    #expect(try ParsedRequest(api, #"{"model":"m",\#(members),\#(prompt)}"#).request.readsNoCache == expected)
  }

  @Test func memberNamesAreToldApartAndNotWhatTheySay() throws {
    func names(_ members: String) throws -> Int {
      try ParsedRequest(.chatCompletions, #"{"model":"m",\#(members)}"#).request.memberNames
    }
    let plain = try names(Self.chat)
    #expect(try names(#""messages":[{"role":"user","content":"other","name":"x"}]"#) == plain)
    #expect(try names(#"\#(Self.chat),"tools":[]"#) != plain)
    #expect(try names(#""tools":[],\#(Self.chat)"#) != plain)
  }

  @Test func choicesAreCounted() throws {
    func choices(_ members: String) throws -> Int {
      try ParsedRequest(.chatCompletions, #"{"model":"m",\#(members)\#(Self.chat)}"#).request.choices
    }
    #expect(try choices("") == 1)
    #expect(try choices(#""n":3,"#) == 3)
    #expect(try choices(#""n":null,"#) == 1)
  }

  @Test func theLastOfEqualMembersCounts() throws {
    let body = #"{"model":"first","model":4,"mod\u0065l" : "l\u0061st",\#(Self.chat)}"#
    let request = try ParsedRequest(.chatCompletions, body).request
    #expect(request.model == "last")
    let range = try #require(request.modelRange)
    #expect(String(decoding: Array(body.utf8)[range], as: UTF8.self) == #""l\u0061st""#)
    #expect(rejection(.chatCompletions, #"{"model":"a","model":4,\#(Self.chat)}"#)?.field == "model")
    let parsed = try ParsedRequest(.completions, #"{"model":"a","prompt":[1,2],"prompt":"text"}"#)
    #expect(parsed.text == "text")
    #expect(!parsed.prompt.isTokens)
    #expect(try ParsedRequest(.completions, #"{"model":"a","prompt":"text","prompt":null}"#).prompt.prompts.isEmpty)
  }

  @Test func membersOfInnerObjectsDoNotCount() throws {
    let body = #"{"metadata":{"model":"x","stream":true,"messages":[]},"model":"m",\#(Self.chat)}"#
    let request = try ParsedRequest(.chatCompletions, body).request
    #expect(request.model == "m")
  }

  @Test func aPassthroughBodyIsNotRead() throws {
    let parsed = try ParsedRequest(.passthrough, "not JSON")
    #expect(parsed.request.model.isEmpty)
    #expect(parsed.request.modelRange == nil)
    #expect(parsed.request.bodyBytes == 8)
    #expect(parsed.prompt.prompts.isEmpty)
  }

  // MARK: - Faults

  @Test(
    arguments: [
      (.chatCompletions, #"{"messages":[{"role":"user","content":"hi"}]}"#, "model", "'model' is missing"),
      (.chatCompletions, #"{"model":"","messages":[{}]}"#, "model", "'model' is empty"),
      (.chatCompletions, #"{"model":5,"messages":[{}]}"#, "model", "'model' has to be a string"),
      (.chatCompletions, #"{"model":null,"messages":[{}]}"#, "model", "'model' has to be a string"),
    ] as [(InferenceAPI, String, String, String)])
  func aFaultNamesItsField(_ api: InferenceAPI, _ body: String, _ field: String, _ message: String) {
    #expect(rejection(api, body) == Rejection(.badRequest, message, field: field))
  }

  /// What is no prompt that is known here may be one to the engine, which says so if it is not.
  @Test(
    arguments: [
      (.chatCompletions, #"{"model":"m"}"#),
      (.chatCompletions, #"{"model":"m","messages":null}"#),
      (.chatCompletions, #"{"model":"m","messages":[]}"#),
      (.chatCompletions, #"{"model":"m","messages":"hi"}"#),
      (.chatCompletions, #"{"model":"m","messages":{}}"#),
      (.chatCompletions, #"{"model":"m","messages":[{},"hi"]}"#),
      (.messages, #"{"model":"m","messages":[]}"#),
      (.messagesCountTokens, #"{"model":"m"}"#),
      (.conversations, #"{"model":"m"}"#),
      (.completions, #"{"model":"m"}"#),
      (.completions, #"{"model":"m","prompt":""}"#),
      (.completions, #"{"model":"m","prompt":[]}"#),
      (.completions, #"{"model":"m","prompt":["",""]}"#),
      (.completions, #"{"model":"m","prompt":[[],[]]}"#),
      (.completions, #"{"model":"m","prompt":[1,"a"]}"#),
      (.completions, #"{"model":"m","prompt":[[1],2]}"#),
      (.embeddings, #"{"model":"m"}"#),
      (.responses, #"{"model":"m"}"#),
      (.responses, #"{"model":"m","input":""}"#),
      (.responses, #"{"model":"m","input":[]}"#),
      (.responses, #"{"model":"m","input":[1]}"#),
      (.imageGenerations, #"{"model":"m","prompt":["a"]}"#),
      (.imageGenerations, #"{"model":"m","prompt":""}"#),
    ] as [(InferenceAPI, String)])
  func aPromptThatIsNotKnownIsRoutedWithoutIt(_ api: InferenceAPI, _ body: String) throws {
    let parsed = try ParsedRequest(api, body)
    #expect(parsed.request.model == "m")
    #expect(parsed.prompt.prompts.isEmpty && parsed.prompt.bytes.isEmpty && parsed.prompt.tokens.isEmpty)
    #expect(parsed.request.promptTokens == 0)
  }

  @Test(arguments: [
    "true", "{}", "1.5", "-1", "4294967296", "1e2", "[1,{}]", "[1,[2]]", "[1,-2]", "[1,2.5,3]", "[4294967296]",
  ])
  func whatIsNoTokenIDIsNoPrompt(_ element: String) throws {
    let parsed = try ParsedRequest(.completions, #"{"model":"m","prompt":[\#(element)]}"#)
    #expect(parsed.prompt.prompts.isEmpty && !parsed.prompt.isTokens)
  }

  /// Members that are not known may be the prompt in a newer version of the API.
  @Test func membersThatAreNotKnownAreNoFault() throws {
    let parsed = try ParsedRequest(.completions, #"{"model":"m","prompt_embeds":"AAAA","suffix":5}"#)
    #expect(parsed.request.model == "m" && parsed.prompt.prompts.isEmpty)
  }

  /// vLLM embeds conversations too.
  @Test func embeddingsOfMessagesAreChats() throws {
    let messages = #"[{"role":"user","content":"hi"}]"#
    let embedded = try ParsedRequest(.embeddings, #"{"model":"m","messages":\#(messages)}"#)
    let chat = try ParsedRequest(.chatCompletions, #"{"model":"m","messages":\#(messages)}"#)
    #expect(embedded.prompt.bytes == chat.prompt.bytes && embedded.prompt.prompts.count == 1)
  }

  /// What is skipped may be nested to any depth; of what is read the sentence says what is wrong.
  @Test func deepValuesAreRefusedOnlyWhereTheyAreRead() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: #"[{"a":"#, count: depth / 2) + "1" + String(repeating: "}]", count: depth / 2)
    }
    for depth in [128, 130, 200, 100_000] {
      let parsed = try ParsedRequest(.completions, #"{"model":"m","prompt":"a","metadata":\#(nested(depth))}"#)
      #expect(parsed.prompt.bytes == Array("a".utf8))
    }
    let tools = rejection(
      .chatCompletions, #"{"model":"m","messages":[{"role":"user","content":"a"}],"tools":\#(nested(200))}"#)
    #expect(tools?.message.contains("nested more than 128 levels deep") == true)
    #expect(tools?.message.contains("not valid JSON") == false)
    let broken = rejection(.completions, #"{"model":"m","prompt":"a","x":\#(String(nested(200).dropLast()))}"#)
    #expect(broken?.message.contains("not valid JSON") == true)
  }

  @Test func anEmptyBodyIsRefused() {
    let rejection = rejection(.completions, "")
    #expect(rejection?.status == .badRequest)
    #expect(rejection?.message.contains("empty") == true)
  }

  @Test(arguments: ["[]", "\"a\"", "1", "null", "[{\"model\":\"m\"}]"])
  func aBodyThatIsNoObjectIsRefused(_ body: String) {
    #expect(rejection(.chatCompletions, body) == Rejection(.badRequest, "the request body has to be a JSON object"))
  }

  @Test(arguments: [
    ("{not json", "unexpected character (at byte 1)"), (#"{"model":"m","#, "it ends too early (at byte 13)"),
    (#"{"model":"m"} x"#, "something follows the value (at byte 14)"), ("   ", "it ends too early (at byte 3)"),
    (#"{"a":"\x"}"#, "invalid escape (at byte 6)"), (#"{"a":01}"#, "invalid number (at byte 7)"),
    ("[1,", "it ends too early (at byte 3)"),
    (String(repeating: "[", count: 200_000), "it ends too early (at byte 200000)"),
    (#"{"messages":"# + String(repeating: "[", count: 200_000), "it ends too early (at byte 200012)"),
    (#"{"model":4,"messages":[{"content":[[}"#, "unexpected character (at byte 36)"),
  ])
  func whatIsNoJSONIsRefusedWithItsPlace(_ body: String, _ message: String) {
    #expect(
      rejection(.chatCompletions, body)
        == Rejection(.badRequest, "the request body is not valid JSON: \(message)"))
  }

  @Test func aPromptIsEmptyAfterAnError() {
    var prompt = CanonicalPrompt()
    let body = Array(#"{"messages":[{"role":"user","content":"hi"}]}"#.utf8)
    #expect(throws: Rejection.self) {
      try unsafe RequestParser().parse(api: .chatCompletions, body: body.span.bytes, prompt: &prompt)
    }
    #expect(prompt.bytes.isEmpty)
  }

  @Test func manyMembersInAMessageAreReadInGoodTime() throws {
    let members = (0..<50_000).map { #""key\#(($0 &* 7919) % 50_000)":1"# }.joined(separator: ",")
    let parsed = try ParsedRequest(.chatCompletions, #"{"model":"m","messages":[{\#(members)}]}"#)
    #expect(parsed.segments.count == 1)
  }
}
