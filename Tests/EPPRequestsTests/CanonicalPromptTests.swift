import EPPCore
import EPPRequests
import EPPTestKit
import Testing

/// The form in which prompts are hashed.
@Suite struct CanonicalPromptTests {
  private func chat(_ messages: String, _ more: String = "") throws -> ParsedRequest {
    try ParsedRequest(.chatCompletions, #"{"model":"m","messages":[\#(messages)]\#(more)}"#)
  }

  // MARK: - Chats

  @Test func aChatIsItsMessages() throws {
    let parsed = try chat(#"{"role":"system","content":"Be \"terse\"."},{"role":"user","content":"h\u00e9\n"}"#)
    #expect(parsed.text == "<message>system<content>Be \"terse\".<message>user<content>hé\n")
    #expect(parsed.segments == ["<message>system<content>Be \"terse\".", "<message>user<content>hé\n"])
    #expect(parsed.prompt.prompts == [0..<parsed.prompt.bytes.count])
  }

  @Test func toolsComeFirstWhereverTheyStand() throws {
    let tools = #""tools":[ {"type": "function", "function":{"name":"f","n":1.50,"o":[1, 2],"e":{}}} ]"#
    let messages = #""messages":[{"role":"user","content":"hi"}]"#
    let expected =
      "<tools>[{'type''function''function'{'name''f''n'1.50'o'[1,2]'e'{}}}]<message>user<content>hi"
    for body in [#"{"model":"m",\#(tools),\#(messages)}"#, #"{\#(messages),"model":"m",\#(tools)}"#] {
      let parsed = try ParsedRequest(.chatCompletions, body)
      #expect(parsed.text == expected)
      #expect(parsed.segments.count == 2)
      #expect(parsed.prompt.prompts == [0..<parsed.prompt.bytes.count])
      #expect(parsed.request.promptTokens == (parsed.prompt.bytes.count + 3) / 4)
    }
  }

  @Test func noToolsAreNoTools() throws {
    for more in ["", #","tools":[]"#, #","tools":null"#, #","tools":[ ]"#] {
      #expect(try chat(#"{"role":"user","content":"hi"}"#, more).segments == ["<message>user<content>hi"])
    }
  }

  @Test func membersOfAMessageHaveOneOrder() throws {
    let members = [
      #""role":"assistant""#, #""content":null"#,
      #""tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]"#,
      #""name":"bob""#, #""audio":null"#,
    ]
    let expected =
      "<message>assistant<content><member>name<value>'bob'<member>tool_calls<value>[{'id''c''function'{'name''f''arguments''{}'}}]"
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<20 {
      let shuffled = members.shuffled(using: &generator).joined(separator: ",")
      #expect(try chat("{\(shuffled)}").text == expected)
    }
  }

  @Test func theLastOfEqualMembersOfAMessageCounts() throws {
    let message = #"{"role":"a","content":"x","name":"n1","name":"n2","role":"b","content":"y","n\u0061me":"n3"}"#
    #expect(try chat(message).text == "<message>b<content>y<member>name<value>'n3'")
  }

  @Test func aToolResultNamesItsCall() throws {
    #expect(
      try chat(#"{"role":"tool","tool_call_id":"c1","content":"21"}"#).text
        == "<message>tool<content>21<member>tool_call_id<value>'c1'")
    #expect(
      try chat(#"{"role":"tool","tool_call_id":"c1","content":"21"}"#).prompt.bytes
        != chat(#"{"role":"tool","tool_call_id":"c2","content":"21"}"#).prompt.bytes)
  }

  @Test func oneTextPartIsTheTextItself() throws {
    let text = try chat(#"{"role":"user","content":"hi"}"#).prompt.bytes
    #expect(try chat(#"{"role":"user","content":[{"type":"text","text":"hi"}]}"#).prompt.bytes == text)
    #expect(try chat(#"{"role":"user","content":[{"text":"hi"}]}"#).prompt.bytes == text)
    #expect(try chat(#"{"role":"user","content":["hi"]}"#).prompt.bytes == text)
    #expect(
      try chat(#"{"role":"user","content":[{"text":"hi","type":"text","cache_control":{"type":"ephemeral"}}]}"#).prompt
        .bytes
        == text)
  }

  @Test(
    arguments: [
      (#""hi""#, false), (#"[{"type":"text","text":"hi"},"there",{"type":"input_text","text":"you"}]"#, false),
      (#"[{"type":"image_url","image_url":{"url":"a"}}]"#, true),
      (#"[{"type":"image_url","image_url":null,"uuid":"u"}]"#, true),
      (#"[{"type":"image_embeds","image_embeds":"QUJD"}]"#, true),
      (#"[{"type":"audio_embeds","audio_embeds":{"a":"QUJD"}}]"#, true),
      (#"[{"type":"file","file":{"file_id":"f"}}]"#, true), (#"[{"type":"text","text":null}]"#, true),
    ])
  func whatIsNoTextIsAMedium(_ content: String, _ hasMedia: Bool) throws {
    #expect(try chat(#"{"role":"user","content":\#(content)}"#).prompt.hasMedia == hasMedia)
  }

  @Test func differentImagesAreDifferentPrompts() throws {
    func image(_ url: String) throws -> ParsedRequest {
      try chat(
        #"{"role":"user","content":[{"type":"text","text":"What?"},{"type":"image_url","image_url":{"url":"\#(url)"}}]}"#
      )
    }
    let data = "data:image/png;base64," + String(repeating: "QUJD", count: 50_000)
    let parsed = try image(data)
    #expect(parsed.text == "<message>user<content>What?<value>{'type''image_url''image_url'{'url'<digest>}}")
    #expect(parsed.prompt.bytes.count < 100)
    var seen: Set<[UInt8]> = [parsed.prompt.bytes]
    for other in [
      data + "A", String(data.dropLast()), data.replacing("QUJDQUJD", with: "QUJEQUJD", maxReplacements: 1),
      "https://a/b.png", "https://a/c.png", "", #"\u0000"#, #"\u0000\u0000"#,
    ] {
      #expect(seen.insert(try image(other).prompt.bytes).inserted)
    }
    #expect(try image(data.replacing("/", with: #"\/"#)).prompt.bytes == parsed.prompt.bytes)
  }

  @Test func mediaAreItemsWithTheirKinds() throws {
    let parts = [
      #"{"type":"image_url","image_url":{"url":"a"}}"#, #"{"type":"text","text":"b"}"#,
      #"{"input_audio":{"data":"QUJD"},"type":"input_audio"}"#, #"{"type":"video_url","video_url":{"url":"c"}}"#,
      #"{"type":"file","file":{"file_id":"f"}}"#, #"{"type":"image_url","image_url":{"url":"a"}}"#,
    ]
    let prompt = try chat(#"{"role":"user","content":[\#(parts.joined(separator: ","))]}"#).prompt
    #expect(prompt.media.map(\.modality) == [.image, .audio, .video, .other, .image])
    #expect(prompt.media.first == prompt.media.last)
    #expect(Set(prompt.media).count == 4)
    var request = InferenceRequest(api: .chatCompletions)
    request.noteMedia(of: prompt)
    #expect(request.media.map(\.modality) == [.image, .audio, .video, .other])
    #expect(request.hasMedia)
  }

  @Test func everyByteOfAnImageCounts() throws {
    var generator = SeededGenerator(seed: 9)
    var seen: Set<[UInt8]> = []
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
    for length in 1...40 {
      let base = (0..<length).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
      for index in 0..<length {
        var changed = base
        changed[index] = UInt8(ascii: "0") + UInt8(index % 10)
        let content = #"[{"type":"input_audio","input_audio":{"data":"\#(String(decoding: changed, as: UTF8.self))"}}]"#
        #expect(seen.insert(try chat(#"{"role":"user","content":\#(content)}"#).prompt.bytes).inserted)
      }
    }
  }

  /// What a client writes into text cannot look like another structure.
  @Test func differentStructuresDiffer() throws {
    let messages = [
      #"{"role":"user","content":"ab"}"#, #"{"role":"userab","content":""}"#,
      #"{"role":"user","content":"a"},{"content":"b"}"#,
      #"{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#,
      #"{"role":"user","content":["a","","b"]}"#, #"{"role":"user","content":[{}]}"#,
      #"{"role":"user","content":"{}"}"#,
      #"{"role":"user","content":["{}"]}, {}"#, #"{"role":"user","content":"5"}"#, #"{"role":"user","content":[5]}"#,
      #"{"role":"user","content":["5",5]}"#,
      #"{"role":"user","content":"a","name":"b"}"#, #"{"role":"user","content":"a","nameb":""}"#,
      #"{"role":"user","content":"a","n":"ameb"}"#, #"{"role":"user","content":"a","name":["b"]}"#,
      #"{"role":"user","content":"a","name":{"b":1}}"#, #"{"role":"user","content":"a","name":["b",1]}"#,
      #"{"role":"user","content":"a","name":["b","1"]}"#, #"{"role":"user","content":"a","name":["b,1"]}"#,
      #"{"role":"user","content":"a","name":[[1],[2]]}"#, #"{"role":"user","content":"a","name":[[1,2]]}"#,
      #"{"role":"user","content":"a","name":[12]}"#, #"{"role":"user","content":"a","name":{"b":{}}}"#,
    ]
    var seen: [[UInt8]: String] = [:]
    for message in messages {
      let bytes = try chat(message).prompt.bytes
      #expect(seen[bytes] == nil, "\(message) equals \(seen[bytes] ?? "")")
      seen[bytes] = message
    }
  }

  @Test func aConversationBeginsWithItsEarlierTurns() throws {
    let turns = (0..<6).map { #"{"role":"\#($0 % 2 == 0 ? "user" : "assistant")","content":"turn \#($0)"}"# }
    let tools = #","tools":[{"type":"function"}]"#
    let whole = try chat(turns.joined(separator: ","), tools)
    #expect(whole.segments.count == 7)
    for count in 1..<6 {
      let part = try chat(turns.prefix(count).joined(separator: ","), tools)
      #expect(whole.prompt.bytes.starts(with: part.prompt.bytes))
    }
  }

  @Test func escapingDoesNotMatter() throws {
    let plain = try chat(#"{"role":"user","content":"é/\"😀"}"#, #","tools":[{"name":"é"}]"#)
    let escaped = try chat(
      #"{"r\u006fle":"us\u0065r","conten\u0074":"\u00e9\/\"\ud83d\uDE00"}"#,
      #" , "tools" : [ { "n\u0061me" : "\u00E9" } ]"#)
    #expect(plain.prompt.bytes == escaped.prompt.bytes)
  }

  // MARK: - Anthropic

  @Test func systemTextComesBeforeTheMessages() throws {
    let messages = #""messages":[{"role":"user","content":"hi"}]"#
    let expected = "<tools>[{'name''f'}]<system>Be terse.<message>user<content>hi"
    for members in [
      #""system":"Be terse.",\#(messages),"tools":[{"name":"f"}]"#,
      #"\#(messages),"tools":[{"name":"f","cache_control":{"type":"ephemeral"}}],"system":[{"type":"text","text":"Be terse.","cache_control":{}}]"#,
    ] {
      let parsed = try ParsedRequest(.messages, #"{"model":"m",\#(members)}"#)
      #expect(parsed.text == expected)
      #expect(parsed.segments.last == "<message>user<content>hi")
      #expect(parsed.segments.count == 2)
    }
    for empty in [#""system":"","#, #""system":null,"#, #""system":[],"#, ""] {
      #expect(
        try ParsedRequest(.messagesCountTokens, #"{"model":"m",\#(empty)\#(messages)}"#).text
          == "<message>user<content>hi")
    }
  }

  @Test func toolBlocksArePartsAndCacheMarksAreNot() throws {
    func blocks(_ mark: String) throws -> ParsedRequest {
      try ParsedRequest(
        .messages,
        #"""
        {"model":"m","max_tokens":5,"messages":[
          {"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"q":"x"}\#(mark)}]},
          {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"r"\#(mark)},
            {"type":"image","source":{"type":"base64","media_type":"image/png","data":"QUJD"}}]}]}]}
        """#)
    }
    let parsed = try blocks("")
    #expect(
      parsed.segments == [
        "<message>assistant<content><value>{'type''tool_use''id''t''name''f''input'{'q''x'}}",
        "<message>user<content><value>{'type''tool_result''tool_use_id''t''content'[{'type''text''text''r'},"
          + "{'type''image''source'{'type''base64''media_type''image/png''data'<digest>}}]}",
      ])
    #expect(try blocks(#","cache_control":{"type":"ephemeral"}"#).prompt.bytes == parsed.prompt.bytes)
  }

  // MARK: - Responses and conversations

  @Test func anInputTextIsAMessageOfTheUser() throws {
    let text = try ParsedRequest(.responses, #"{"model":"m","input":"hi","instructions":"Be terse."}"#)
    #expect(text.text == "<system>Be terse.<message>user<content>hi")
    let items = try ParsedRequest(
      .responses,
      #"{"model":"m","instructions":"Be terse.","input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]}]}"#
    )
    #expect(items.prompt.bytes == text.prompt.bytes)
  }

  @Test func itemsOfOtherKindsAreTold() throws {
    let parsed = try ParsedRequest(
      .responses,
      #"{"model":"m","tools":[{"type":"function"}],"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"21"}]}"#
    )
    #expect(
      parsed.segments == [
        "<tools>[{'type''function'}]",
        "<message><content><member>arguments<value>'{}'<member>call_id<value>'c'<member>name<value>'f'<member>type<value>'function_call'",
        "<message><content><member>call_id<value>'c'<member>output<value>'21'<member>type<value>'function_call_output'",
      ])
  }

  @Test func conversationsHaveItems() throws {
    let parsed = try ParsedRequest(.conversations, #"{"model":"m","items":[{"role":"user","content":"hi"}]}"#)
    #expect(parsed.text == "<message>user<content>hi")
  }

  // MARK: - Completions, embeddings, images

  @Test(arguments: [InferenceAPI.completions, .embeddings]) func fourFormsOfInput(_ api: InferenceAPI) throws {
    let name = api == .completions ? "prompt" : "input"
    func parse(_ value: String) throws -> ParsedRequest {
      try ParsedRequest(api, #"{"\#(name)": \#(value) ,"model":"m"}"#)
    }

    let text = try parse(#""h\u00e9 there""#)
    #expect(text.text == "hé there")
    #expect(text.prompt.prompts == [0..<9])
    #expect(text.request.promptTokens == 3)

    let texts = try parse(#"["ab", "", "cde"]"#)
    #expect(texts.text == "abcde")
    #expect(texts.prompt.prompts == [0..<2, 2..<5])

    let tokens = try parse("[1,22 , 333,4294967295,0]")
    #expect(tokens.prompt.tokens == [1, 22, 333, 4_294_967_295, 0])
    #expect(tokens.prompt.prompts == [0..<5])
    #expect(tokens.prompt.bytes.isEmpty)
    #expect(tokens.prompt.isTokens)
    #expect(tokens.request.promptTokens == 5)

    let lists = try parse("[[1,2,3],[],[4]]")
    #expect(lists.prompt.tokens == [1, 2, 3, 4])
    #expect(lists.prompt.prompts == [0..<3, 3..<4])
    #expect(lists.request.promptTokens == 4)
  }

  @Test func tokenIDsAreReadInEveryForm() throws {
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<200 {
      let tokens = (0..<Int.random(in: 1...40, using: &generator)).map { _ in
        UInt32.random(in: 0...(UInt32.max >> UInt32.random(in: 0...31, using: &generator)), using: &generator)
      }
      var text = "["
      for (index, token) in tokens.enumerated() {
        if index > 0 { text += Bool.random(using: &generator) ? "," : " ,\n" }
        text += String(token)
      }
      let parsed = try ParsedRequest(.completions, #"{"model":"m","prompt":\#(text)]}"#)
      #expect(parsed.prompt.tokens == tokens)
    }
    for bad in ["[1,02]", "[1,2,]", "[1,2", "[1,2,00]", "[1,2}", "[1,2x]"] {
      #expect(rejection(.completions, #"{"model":"m","prompt":\#(bad)}"#)?.message.contains("not valid JSON") == true)
    }
  }

  @Test func anImagesPromptIsItsText() throws {
    #expect(try ParsedRequest(.imageGenerations, #"{"model":"m","prompt":"a cat"}"#).text == "a cat")
  }

  @Test func storageIsReusedAndNothingIsLeftOver() throws {
    var prompt = CanonicalPrompt()
    for (api, body) in [
      (InferenceAPI.completions, #"{"model":"m","prompt":[[1,2],[3]]}"#),
      (.chatCompletions, #"{"model":"m","messages":[{"role":"user"}]}"#),
      (.completions, #"{"model":"m","prompt":"x"}"#),
    ] {
      let bytes = Array(body.utf8)
      _ = try unsafe RequestParser().parse(api: api, body: bytes.span.bytes, prompt: &prompt)
      let fresh = try ParsedRequest(api, body).prompt
      #expect(prompt.bytes == fresh.bytes)
      #expect(prompt.tokens == fresh.tokens)
      #expect(prompt.prompts == fresh.prompts)
    }
  }

  /// Kinds of parts that are not known here hold data too: only text is text.
  @Test(arguments: ["image_embeds", "point_cloud", "anything"]) func dataInPartsOfAnyKindIsNoText(kind: String) throws {
    func chat(_ data: String) throws -> ParsedRequest {
      try ParsedRequest(
        .chatCompletions,
        #"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"what is this"},"#
          + #"{"type":"\#(kind)","\#(kind)":{"frames":["\#(data)"],"format":"raw"}}]}]}"#)
    }
    let data = String(repeating: "QUJD", count: 100_000)
    let parsed = try chat(data)
    #expect(parsed.request.promptTokens < 100)
    #expect(parsed.prompt.hasMedia)
    #expect(try chat(data).prompt.bytes == parsed.prompt.bytes)
    #expect(try chat(data + "QUJE").prompt.bytes != parsed.prompt.bytes)
  }

  @Test func longTextIsText() throws {
    let text = String(repeating: "word ", count: 1000)
    let parsed = try ParsedRequest(
      .chatCompletions,
      #"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"\#(text)"}]}]}"#)
    #expect(parsed.request.promptTokens > 1200 && !parsed.prompt.hasMedia)
  }
}
