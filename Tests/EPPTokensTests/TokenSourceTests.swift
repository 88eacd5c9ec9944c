import Dispatch
import EPPCore
import EPPMetrics
import EPPTokens
import EngineSimulator
import Logging
import Synchronization
import Testing

/// A source of tokens over real engines, or over one that says what is wanted.
@Suite struct TokenSourceTests {
  private let metrics = PickerMetrics()

  private func source(_ change: (inout TokenSourceConfiguration) -> Void = { _ in }) -> TokenSource {
    var configuration = TokenSourceConfiguration()
    change(&configuration)
    let start = ContinuousClock.now
    return TokenSource(
      configuration: configuration, metrics: metrics, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    ) {
      let (seconds, attoseconds) = (ContinuousClock.now - start).components
      return MonotonicTime(
        nanoseconds: 1_000_000_000 + UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000))
    }
  }

  /// What is known at once.
  private func lookUp(
    _ source: TokenSource, _ body: String, at engines: [EndpointAddress], api: InferenceAPI = .chatCompletions,
    wake: @escaping @Sendable () -> Void = {}
  ) -> TokenSource.Lookup {
    let bytes = Array(body.utf8)
    return unsafe source.tokens(api: api, body: bytes.span.bytes, at: engines, wake: wake)
  }

  /// What is known after having waited.
  private func tokens(
    _ source: TokenSource, _ body: String, at engines: [EndpointAddress], api: InferenceAPI = .chatCompletions
  ) async throws -> [UInt32]? {
    let (stream, continuation) = AsyncStream<Void>.makeStream()
    switch lookUp(source, body, at: engines, api: api, wake: { continuation.finish() }) {
    case .known(let tokens): return tokens.ids
    case .unavailable: return nil
    case .pending(let wait):
      for await _ in stream {}
      return wait.result?.ids
    }
  }

  private func eventually(_ condition: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(120)
    while try await !condition() {
      try #require(ContinuousClock.now < end, "it did not come true: \(page)")
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  private var page: String {
    String(decoding: metrics.page(), as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("epp_tokens") }
      .joined(separator: "\n")
  }

  private func count(_ outcome: String) -> Int {
    let name = "epp_tokens_requests_total{outcome=\"\(outcome)\"} "
    return page.split(separator: "\n").first { $0.hasPrefix(name) }.flatMap { Int($0.dropFirst(name.count)) } ?? 0
  }

  private func withEngine(
    _ change: (inout EngineOptions) -> Void = { _ in }, _ body: (EndpointAddress) async throws -> Void
  ) async throws {
    var options = EngineOptions()
    options.models = ["m"]
    change(&options)
    let server = try await EngineServer.start(options: options)
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body(server.address)) } catch { outcome = .failure(error) }
    try await server.stop()
    try outcome.get()
  }

  private let chat =
    #"{"model": "m", "messages": [{"role": "user", "content": "Where does the fox go?"}], "max_tokens": 5}"#
  private let completion = #"{"model": "m", "prompt": "Where does the fox go?", "temperature": 0.5}"#

  // MARK: - Rendering

  @Test func anEngineIsAskedOnceAndItsAnswerKept() async throws {
    let source = source()
    try await withEngine { engine in
      let first = try #require(try await tokens(source, chat, at: [engine]))
      #expect(first.count > 5)
      guard case .known(let again) = lookUp(source, chat.replacing("5}", with: "7}"), at: [engine]) else {
        return #expect(Bool(false), "a member without influence made it another prompt")
      }
      #expect(again.ids == first)
      let other = try await tokens(source, chat.replacing("fox", with: "cat"), at: [engine])
      #expect(other != nil && other != first)
      let completed = try #require(try await tokens(source, completion, at: [engine], api: .completions))
      #expect(completed.count < first.count)
    }
    #expect(count("rendered") == 3 && count("cached") == 1)
    await source.shutdown()
  }

  @Test func withoutARenderEndpointTheTokenizerIsAsked() async throws {
    let source = source()
    var rendered: [[UInt32]?] = []
    for hasRender in [true, false] {
      try await withEngine {
        $0.servesScaleOut = hasRender
      } _: { engine in
        let other = self.source()
        rendered.append(try await tokens(other, chat, at: [engine]))
        rendered.append(try await tokens(other, completion, at: [engine], api: .completions))
        await other.shutdown()
      }
    }
    #expect(rendered[0] == rendered[2] && rendered[1] == rendered[3])
    #expect(rendered.allSatisfy { $0 != nil })
    await source.shutdown()
  }

  @Test func apisWithoutTokensAreLeftAlone() async throws {
    let source = source()
    let nowhere = EndpointAddress(host: "127.0.0.1", port: 1)
    for api in [InferenceAPI.embeddings, .responses, .messages, .passthrough] {
      guard case .unavailable = lookUp(source, chat, at: [nowhere], api: api) else {
        return #expect(Bool(false), "\(api)")
      }
    }
    for body in ["", "[]", "{", #"{"messages": [}"#] {
      guard case .unavailable = lookUp(source, body, at: [nowhere]) else { return #expect(Bool(false), "\(body)") }
    }
    guard case .unavailable = lookUp(source, chat, at: []) else { return #expect(Bool(false)) }
    #expect(count("no_engine") == 1)
    await source.shutdown()
  }

  // MARK: - Waiting

  @Test func equalPromptsShareOneQuestion() async throws {
    let gate = Gate()
    let server = try await AnswerServer.start { _, _ in
      gate.wait()
      return AnswerServer.Answer(body: #"{"token_ids": [1, 2, 3]}"#)
    }
    let source = source()
    final class Woken: Sendable {
      let count = Atomic(0)
    }
    let counter = Woken()
    var waits: [TokenWait] = []
    for _ in 0..<10 {
      if case .pending(let wait) = lookUp(
        source, chat, at: [server.address], wake: { counter.count.add(1, ordering: .relaxed) })
      {
        waits.append(wait)
      }
    }
    #expect(waits.count == 10 && waits.allSatisfy { $0.result == nil })
    // Two do not wait any longer: they are not woken, and counted.
    waits[0].cancel()
    waits[1].cancel()
    waits[1].cancel()
    gate.open()
    try await eventually { counter.count.load(ordering: .relaxed) == 8 }
    #expect(waits.dropFirst(2).allSatisfy { $0.result?.ids == [1, 2, 3] })
    #expect(server.asked == ["/v1/chat/completions/render"])
    #expect(count("late") == 2 && count("rendered") == 1)
    waits[5].cancel()
    #expect(count("late") == 2)
    guard case .known = lookUp(source, chat, at: []) else { return #expect(Bool(false), "the answer was not kept") }
    await source.shutdown()
    try await server.stop()
  }

  @Test func questionsAreBounded() async throws {
    let server = try await AnswerServer.start { _, _ in nil }
    let source = source {
      $0.maximumRenders = 3
      $0.renderTimeout = .milliseconds(200)
    }
    var pending = 0
    for number in 0..<10 {
      if case .pending = lookUp(source, chat.replacing("fox", with: "fox \(number)"), at: [server.address]) {
        pending += 1
      }
    }
    #expect(pending == 3 && count("busy") == 7)
    // None is answered: after the time is up there is room again.
    try await eventually {
      if case .pending = lookUp(source, chat, at: [server.address]) { true } else { false }
    }
    await source.shutdown()
    try await server.stop()
  }

  // MARK: - Failures

  @Test func anEngineThatFailsIsLeftAloneAndAnotherOneAsked() async throws {
    let bad = try await AnswerServer.start { _, _ in AnswerServer.Answer(status: 500, body: "oops") }
    let good = try await AnswerServer.start { _, _ in AnswerServer.Answer(body: #"{"token_ids": [1]}"#) }
    let source = source()
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

  // MARK: - Conversations

  private func message(_ role: String, _ content: String) -> String {
    #"{"role": "\#(role)", "content": "\#(content)"}"#
  }

  private func chat(_ messages: [String]) -> String {
    #"{"model": "m", "messages": [\#(messages.joined(separator: ", "))], "stream": true}"#
  }

  @Test(arguments: 0..<4 as Range<UInt64>) func aConversationIsRenderedByItsNewTurns(_ seed: UInt64) async throws {
    var random = SplitMix(seed: seed)
    let words = ["the", "fox", "goes", "home", "émigré", "42", "\\n\\n", "func main() {", "  ", "東京", "…"]
    func text() -> String {
      (0..<Int.random(in: 1..<20, using: &random)).map { _ in words.randomElement(using: &random) ?? "" }
        .joined(separator: " ")
    }
    let source = source()
    try await withEngine { engine in
      for _ in 0..<3 {
        var messages = Bool.random(using: &random) ? [message("system", text())] : []
        for _ in 0..<8 {
          messages.append(message("user", text()))
          let whole = self.source { $0.rendersIncrementally = false }
          let expected = try await tokens(whole, chat(messages), at: [engine])
          await whole.shutdown()
          #expect(try await tokens(source, chat(messages), at: [engine]) == expected)
          messages.append(message("assistant", text()))
        }
      }
    }
    // The first ones were compared: each comparison is made after its answer, so some more turns may have been whole.
    #expect(count("incremental") >= 6)
    #expect(page.contains("epp_tokens_mismatches_total 0"))
    await source.shutdown()
  }

  @Test func aTemplateThatDoesNotFitTogetherIsRenderedWhole() async throws {
    // Every token depends on the whole length.
    let server = try await AnswerServer.start { _, body in
      AnswerServer.Answer(
        body: "{\"token_ids\": [\(body.utf8.map { String(Int($0) + body.utf8.count) }.joined(separator: ","))]}")
    }
    let source = source()
    var messages: [String] = []
    for turn in 0..<8 {
      messages.append(message("user", "turn \(turn)"))
      let body = chat(messages)
      let expected = body.utf8.map { UInt32($0) + UInt32(body.utf8.count) }
      #expect(try await tokens(source, body, at: [server.address]) == expected)
      messages.append(message("assistant", "well"))
      // What is compared is compared after the answer.
      if turn == 1 { try await eventually { page.contains("epp_tokens_mismatches_total 1") } }
    }
    #expect(count("incremental") == 0 && count("rendered") == 8)
    #expect(page.contains("epp_tokens_mismatches_total 1"))
    await source.shutdown()
    try await server.stop()
  }
}

/// Holds a thread until it is opened.
private final class Gate: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)

  func open() { semaphore.signal() }

  func wait() { semaphore.wait() }
}

/// SplitMix64: the same numbers in every run.
private struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
