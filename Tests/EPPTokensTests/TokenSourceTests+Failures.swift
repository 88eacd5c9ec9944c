import EPPCore
import EPPMetrics
import EPPTokens
import Testing

/// Engines that do not answer as they should.
extension TokenSourceTests {
  @Test func anEngineThatFailsIsLeftAloneAndAnotherOneAsked() async throws {
    let bad = try await AnswerServer.start { _, _ in AnswerServer.Answer(status: 500, body: "oops") }
    let good = try await AnswerServer.start { _, _ in AnswerServer.Answer(body: #"{"token_ids": [1]}"#) }
    let source = source(isFrozen: true)
    for number in 0..<10 {
      let ids = try await tokens(
        source, chat.replacing("fox", with: "fox \(number)"), at: [bad.address, good.address])
      #expect(ids == [1])
    }
    #expect(bad.asked.count == 3)
    #expect(good.asked.count == 10)
    await source.shutdown()
    try await bad.stop()
    try await good.stop()
  }

  @Test func whereAllAreLeftAloneNobodyWaits() async throws {
    let bad = try await AnswerServer.start { _, _ in AnswerServer.Answer(status: 500, body: "oops") }
    let source = source(isFrozen: true)
    for number in 0..<3 {
      _ = try await tokens(source, chat.replacing("fox", with: "fox \(number)"), at: [bad.address])
    }
    guard case .unavailable = lookUp(source, chat, at: [bad.address]) else {
      return #expect(Bool(false), "an engine that is left alone was asked")
    }
    #expect(count("failed") == 3 && count("no_engine") == 1)
    await source.shutdown()
    try await bad.stop()
  }

  @Test func whereNobodyHasThePathNobodyWaits() async throws {
    let old = try await AnswerServer.start { _, _ in AnswerServer.Answer(status: 404, body: "{}") }
    let source = source()
    #expect(try await tokens(source, chat, at: [old.address]) == nil)
    let other = chat.replacing("fox", with: "cat")
    guard case .unavailable = lookUp(source, other, at: [old.address]) else {
      return #expect(Bool(false), "an engine was asked for what it does not have")
    }
    // Another model may be there.
    guard case .pending = lookUp(source, other.replacing(#""m""#, with: #""n""#), at: [old.address]) else {
      return #expect(Bool(false), "nobody was asked for another model")
    }
    await source.shutdown()
    try await old.stop()
  }

  @Test(arguments: [
    (200, "{}", "unreadable"), (200, "garbage", "unreadable"), (200, #"{"token_ids": [1, "a"]}"#, "unreadable"),
    (400, "{}", "refused"), (503, "{}", "failed"),
  ])
  func whatIsNoAnswerIsCounted(_ status: Int, _ body: String, _ outcome: String) async throws {
    let server = try await AnswerServer.start { _, _ in AnswerServer.Answer(status: status, body: body) }
    let source = source()
    #expect(try await tokens(source, chat, at: [server.address]) == nil)
    #expect(count(outcome) == 1)
    await source.shutdown()
    try await server.stop()
  }

  @Test func anAnswerWithoutEndIsGivenUp() async throws {
    let server = try await AnswerServer.start { _, _ in AnswerServer.Answer(body: "{", ends: false) }
    let source = source { $0.renderTimeout = .milliseconds(300) }
    #expect(try await tokens(source, chat, at: [server.address]) == nil)
    #expect(count("failed") == 1)
    await source.shutdown()
    try await server.stop()
  }

  @Test func moreTokensThanAPromptCanHaveAreNone() async throws {
    let ids = repeatElement("1", count: 70_000).joined(separator: ",")
    let server = try await AnswerServer.start { _, _ in AnswerServer.Answer(body: "{\"token_ids\": [\(ids)]}") }
    let source = source()
    #expect(try await tokens(source, chat, at: [server.address]) == nil)
    #expect(count("unreadable") == 1)
    await source.shutdown()
    try await server.stop()
  }

  @Test(arguments: [401, 404, 407]) func whereThePathIsClosedTheTokenizerIsAsked(_ status: Int) async throws {
    let server = try await AnswerServer.start { path, _ in
      path == "/tokenize"
        ? AnswerServer.Answer(body: #"{"tokens": [7]}"#) : AnswerServer.Answer(status: status, body: "{}")
    }
    let source = source()
    #expect(try await tokens(source, chat, at: [server.address]) == [7])
    // What the tokenizer would pass over makes another prompt of it.
    let effort = chat.replacing("{\"model", with: #"{"reasoning_effort": "high", "model"#)
    #expect(try await tokens(source, effort, at: [server.address]) == nil)
    #expect(server.asked == ["/v1/chat/completions/render", "/tokenize"])
    await source.shutdown()
    try await server.stop()
  }

  @Test func longNamesOfModelsAreNotKept() async throws {
    let server = try await AnswerServer.start { _, _ in AnswerServer.Answer(body: #"{"token_ids": [1]}"#) }
    let source = source()
    let body = chat.replacing(#""m""#, with: "\"" + String(repeating: "m", count: 300) + "\"")
    #expect(try await tokens(source, body, at: [server.address]) == nil)
    #expect(server.asked.isEmpty && count("no_engine") == 1)
    await source.shutdown()
    try await server.stop()
  }

  @Test func nobodyWhoListensIsAFailure() async throws {
    let source = source()
    #expect(try await tokens(source, chat, at: [EndpointAddress(host: "127.0.0.1", port: 1)]) == nil)
    #expect(count("failed") == 1)
    await source.shutdown()
  }

  @Test func theCacheIsBounded() async throws {
    let long = (0..<10_000).map(String.init).joined(separator: ",")
    let server = try await AnswerServer.start { _, _ in AnswerServer.Answer(body: "{\"token_ids\": [\(long)]}") }
    let source = source { $0.maximumCacheBytes = 2 << 20 }
    for number in 0..<100 {
      #expect(
        try await tokens(source, chat.replacing("fox", with: "fox \(number)"), at: [server.address])?.count == 10_000)
    }
    source.refreshMetrics()
    func gauge(_ name: String) -> Double {
      page.split(separator: "\n").first { $0.hasPrefix(name + " ") }.flatMap { Double($0.dropFirst(name.count + 1)) }
        ?? -1
    }
    #expect(gauge("epp_tokens_cache_bytes") <= Double(2 << 20))
    #expect(gauge("epp_tokens_cache_entries") > 10)
    #expect(gauge("epp_tokens_cache_entries") + gauge("epp_tokens_cache_evictions_total") == 100)
    #expect(gauge("epp_tokens_renders_inflight") == 0)
    await source.shutdown()
    try await server.stop()
  }

  @Test func anEngineThatDoesNotKnowTheModelIsNotAskedForItAgain() async throws {
    let old = try await AnswerServer.start { _, body in
      body.contains("adapter")
        ? AnswerServer.Answer(status: 404, body: "{}") : AnswerServer.Answer(body: #"{"token_ids": [1]}"#)
    }
    let new = try await AnswerServer.start { _, _ in AnswerServer.Answer(body: #"{"token_ids": [2]}"#) }
    let source = source()
    let adapter = chat.replacing(#""m""#, with: #""adapter""#)
    for number in 0..<3 {
      let body = adapter.replacing("fox", with: "fox \(number)")
      #expect(try await tokens(source, body, at: [old.address, new.address]) == [2])
    }
    #expect(old.asked == ["/v1/chat/completions/render", "/tokenize"])
    // What it serves it is asked for.
    #expect(try await tokens(source, chat, at: [old.address, new.address]) == [1])
    #expect(old.asked.count == 3)
    // When nobody has it, that is what is said, without asking.
    #expect(try await tokens(source, adapter.replacing("fox", with: "cat"), at: [old.address]) == nil)
    #expect(old.asked.count == 3 && count("no_engine") == 1)
    await source.shutdown()
    try await old.stop()
    try await new.stop()
  }

  @Test(arguments: [408, 429, 500, 503]) func anEngineWithoutTimeLeavesItToTheNext(_ status: Int) async throws {
    let busy = try await AnswerServer.start { _, _ in AnswerServer.Answer(status: status, body: "{}") }
    let idle = try await AnswerServer.start { _, _ in AnswerServer.Answer(body: #"{"token_ids": [7]}"#) }
    let source = source()
    #expect(try await tokens(source, chat, at: [busy.address, idle.address]) == [7])
    await source.shutdown()
    try await busy.stop()
    try await idle.stop()
  }

  @Test func aRequestThatIsRefusedIsNotCarriedToTheNext() async throws {
    let first = try await AnswerServer.start { _, _ in AnswerServer.Answer(status: 400, body: "{}") }
    let second = try await AnswerServer.start { _, _ in AnswerServer.Answer(body: #"{"token_ids": [7]}"#) }
    let source = source()
    #expect(try await tokens(source, chat, at: [first.address, second.address]) == nil)
    #expect(second.asked.isEmpty && count("refused") == 1)
    await source.shutdown()
    try await first.stop()
    try await second.stop()
  }

  @Test func waitersAreBounded() async throws {
    let server = try await AnswerServer.start { _, _ in nil }
    let source = source { $0.maximumWaiters = 4 }
    var pending = 0
    for _ in 0..<10 {
      if case .pending = lookUp(source, chat, at: [server.address]) { pending += 1 }
    }
    #expect(pending == 4 && count("busy") == 6)
    await source.shutdown()
    try await server.stop()
  }
}
