import EPPCore
import Testing

@testable import EPPTokens

@Suite struct PromptOutlineTests {
  private let secret = IdentitySecret()

  private func outline(_ body: String, _ api: InferenceAPI = .chatCompletions) throws -> PromptOutline {
    let bytes = Array(body.utf8)
    return try #require(unsafe PromptOutline(api: api, body: bytes.span.bytes, secret: secret))
  }

  private func chat(_ members: String = "", _ messages: String = #"{"role": "user", "content": "a"}"#) -> String {
    #"{"model": "m", "messages": [\#(messages)]\#(members.isEmpty ? "" : ", " + members)}"#
  }

  @Test(arguments: [#""temperature": 1"#, #""max_tokens": 7"#, #""stream": true, "n": 2"#, #""user": "u""#])
  func whatOnlyConcernsTheAnswerMakesNoOtherPrompt(_ members: String) throws {
    #expect(try outline(chat(members)).identity == outline(chat()).identity)
  }

  @Test(arguments: [
    #""tools": []"#, #""chat_template_kwargs": {"enable_thinking": false}"#, #""truncate_prompt_tokens": 10"#,
    #""add_generation_prompt": false"#, #""reasoning_effort": "high""#, #""response_format": {"type": "json_object"}"#,
  ])
  func whatTheTemplateMaySeeMakesAnother(_ members: String) throws {
    #expect(try outline(chat(members)).identity != outline(chat()).identity)
  }

  @Test func aPromptThatIsCutDependsOnTheRoomForTheAnswer() throws {
    let cut = [5, 6].map { #""truncate_prompt_tokens": -1, "max_tokens": \#($0)"# }
    #expect(try outline(chat(cut[0])).identity != outline(chat(cut[1])).identity)
    #expect(try !outline(chat(cut[0])).isIncremental)
  }

  @Test func manyMessagesAreOnePiece() throws {
    func turns(_ count: Int, _ text: String = "a") -> String {
      repeatElement(#"{"role": "user", "content": "\#(text)"}"#, count: count).joined(separator: ",")
    }
    let (most, more) = try (
      outline(chat("", turns(PromptOutline.maximumMessages))),
      outline(chat("", turns(PromptOutline.maximumMessages + 2)))
    )
    #expect(most.heads.count == PromptOutline.maximumMessages)
    #expect(more.heads.isEmpty && more.messages.isEmpty && more.messageList == nil)
    #expect(try more.identity != outline(chat("", turns(PromptOutline.maximumMessages + 3))).identity)
    #expect(try more.identity != outline(chat("", turns(PromptOutline.maximumMessages + 2, "b"))).identity)
  }

  @Test func theTokenizerIsAskedWhereItTakesAllIntoAccount() throws {
    #expect(try outline(chat(#""temperature": 1, "max_tokens": 5"#)).paths == [.chatRender, .tokenize])
    #expect(try outline(chat(#""tools": [], "chat_template_kwargs": {}"#)).paths == [.chatRender, .tokenize])
    #expect(try outline(chat(#""reasoning_effort": "high""#)).paths == [.chatRender])
    #expect(try outline(chat(#""documents": []"#)).paths == [.chatRender])
    #expect(try outline(#"{"model": "m", "prompt": "a"}"#, .completions).paths == [.completionRender, .tokenize])
  }

  @Test func vectorsInPlaceOfTokensHaveNone() throws {
    for api in [InferenceAPI.completions, .chatCompletions] {
      let bytes = Array(#"{"model": "m", "prompt": "a", "prompt_embeds": ["AAAA", "AAAA"]}"#.utf8)
      #expect(unsafe PromptOutline(api: api, body: bytes.span.bytes, secret: secret) == nil)
    }
    _ = try outline(#"{"model": "m", "prompt": "a", "prompt_embeds": null}"#, .completions)
  }

  @Test func theSameBodyIsAnotherPromptElsewhere() throws {
    let body = #"{"model": "m", "prompt": "a"}"#
    #expect(try outline(body, .completions).identity != outline(body).identity)
  }

  @Test func messagesAndMembersAreNotTakenForEachOther() throws {
    let identities = try [
      chat(), chat("", #"{"role": "user", "content": "a"}, {"role": "user", "content": "a"}"#), chat("", ""),
      #"{"model": "m"}"#, #"{"model": "m", "messages": [], "role": "user"}"#,
    ].map { try outline($0).identity }
    // A chat without messages and one without the list are both refused by every engine.
    #expect(Set(identities).count == 4)
  }

  @Test func headsAreTheIdentitiesOfTheConversationsBeginnings() throws {
    let turns = (0..<4).map { #"{"role": "\#($0 % 2 == 0 ? "user" : "assistant")", "content": "\#($0)"}"# }
    let whole = try outline(chat("", turns.joined(separator: ", ")))
    for count in 1...4 {
      #expect(try outline(chat("", turns[..<count].joined(separator: ", "))).identity == whole.heads[count - 1])
    }
    #expect(whole.messages.map(\.role) == [.user, .assistant, .user, .assistant])
  }

  @Test(arguments: [
    (#"{"role": "user", "content": "a"}"#, true), (#"{"content": "a", "role": "tool"}"#, true),
    (#"{"role": "user"}"#, false), (#"{"role": "user", "content": "a", "name": "n"}"#, false),
    (#"{"role": "user", "content": [{"type": "text", "text": "a"}]}"#, false),
    (#"{"role": "user", "role": "user", "content": "a"}"#, false), (#""a""#, false), ("null", false),
  ])
  func aPlainMessageHasARoleAndATextAndNothingElse(_ message: String, _ isPlain: Bool) throws {
    #expect(try outline(chat("", message)).messages.map(\.isPlain) == [isPlain])
  }

  @Test func theModelIsReadAsItIsWritten() throws {
    let body = #"{"mod\u0065l": "l\u006frA", "prompt": "a"}"#
    let bytes = Array(body.utf8)
    let outline = try outline(body, .completions)
    #expect(unsafe outline.modelName(in: bytes.span.bytes) == "lorA")
  }
}
