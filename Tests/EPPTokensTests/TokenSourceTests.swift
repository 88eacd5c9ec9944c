import Dispatch
import EPPCore
import EPPMetrics
import EPPTestKit
import EPPTokens
import EngineSimulator
import Logging
import Synchronization
import Testing

/// A source of tokens over real engines, or over one that says what is wanted.
@Suite struct TokenSourceTests {
  let metrics = PickerMetrics()
  let log = LogRecorder()

  private func source(isFrozen: Bool, _ change: (inout TokenSourceConfiguration) -> Void) -> TokenSource {
    var configuration = TokenSourceConfiguration()
    // Beside the other tests, and under a sanitizer, an engine of this process takes seconds.
    configuration.renderTimeout = .seconds(100)
    configuration.connectTimeout = .seconds(100)
    change(&configuration)
    let start = ContinuousClock.now
    return TokenSource(
      configuration: configuration, metrics: metrics, logger: log.logger
    ) {
      let (seconds, attoseconds) = (isFrozen ? .zero : ContinuousClock.now - start).components
      return MonotonicTime(
        nanoseconds: 1_000_000_000 + UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000))
    }
  }

  /// What is known at once.
  func lookUp(
    _ source: TokenSource, _ body: String, at engines: [EndpointAddress], api: InferenceAPI = .chatCompletions,
    wake: @escaping @Sendable () -> Void = {}
  ) -> TokenSource.Lookup {
    let bytes = Array(body.utf8)
    return unsafe source.tokens(api: api, body: bytes.span.bytes, at: engines, wake: wake)
  }

  /// What is known after having waited.
  func tokens(
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

  func eventually(_ condition: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(120)
    var looks = 0
    while try await !condition() {
      looks += 1
      // Tests that compute hold up those that wait.
      try #require(looks < 100 || ContinuousClock.now < end, "it did not come true: \(page)")
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  var page: String {
    String(decoding: metrics.page(), as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("epp_tokens") }
      .joined(separator: "\n")
  }

  func count(_ outcome: String) -> Int {
    let name = "epp_tokens_requests_total{outcome=\"\(outcome)\"} "
    return page.split(separator: "\n").first { $0.hasPrefix(name) }.flatMap { Int($0.dropFirst(name.count)) } ?? 0
  }

  func withEngine(
    _ change: (inout EngineOptions) -> Void = { _ in }, _ body: (EndpointAddress) async throws -> Void
  ) async throws {
    var options = EngineOptions()
    options.models = ["m"]
    change(&options)
    let server = try await EngineServer.start(options: options)
    try await ending(server.stop) { try await body(server.address) }
  }

  /// - Parameter isFrozen: whether no time goes by, however long the test takes.
  func withSource<Value>(
    isFrozen: Bool = false, _ change: (inout TokenSourceConfiguration) -> Void = { _ in },
    run body: (TokenSource) async throws -> Value
  ) async throws -> Value {
    let source = source(isFrozen: isFrozen, change)
    // An HTTP client that is not shut down ends the whole process with its own end.
    return try await ending(source.shutdown) { try await body(source) }
  }

  func withServer(
    _ answering: @escaping AnswerServer.Answering, run body: (AnswerServer) async throws -> Void
  ) async throws {
    let server = try await AnswerServer.start(answering)
    try await ending(server.stop) { try await body(server) }
  }

  /// Ends something whatever comes of its use.
  private func ending<Value>(_ end: () async throws -> Void, _ use: () async throws -> Value) async throws -> Value {
    let outcome: Result<Value, any Error>
    do { outcome = .success(try await use()) } catch { outcome = .failure(error) }
    try await end()
    return try outcome.get()
  }

  let chat =
    #"{"model": "m", "messages": [{"role": "user", "content": "Where does the fox go?"}], "max_tokens": 5}"#
  let completion = #"{"model": "m", "prompt": "Where does the fox go?", "temperature": 0.5}"#

  // MARK: - Rendering

  @Test func anEngineIsAskedOnceAndItsAnswerKept() async throws {
    try await withSource { source in
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
    }
  }

  @Test func withoutARenderEndpointTheTokenizerIsAsked() async throws {
    var rendered: [[UInt32]?] = []
    for hasRender in [true, false] {
      try await withEngine {
        $0.servesScaleOut = hasRender
      } _: { engine in
        try await withSource { source in
          rendered.append(try await tokens(source, chat, at: [engine]))
          rendered.append(try await tokens(source, completion, at: [engine], api: .completions))
        }
      }
    }
    #expect(rendered[0] == rendered[2] && rendered[1] == rendered[3])
    #expect(rendered.allSatisfy { $0 != nil })
  }

  @Test func apisWithoutTokensAreLeftAlone() async throws {
    try await withSource { source in
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
    }
  }

  // MARK: - Waiting

  @Test func equalPromptsShareOneQuestion() async throws {
    let gate = Gate()
    try await withServer { _, _ in
      gate.wait()
      return AnswerServer.Answer(body: #"{"token_ids": [1, 2, 3]}"#)
    } run: { server in
      try await withSource { source in
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
      }
    }
  }

  @Test func bytesOfQuestionsAreBounded() async throws {
    let gate = Gate()
    try await withServer { _, _ in
      gate.wait()
      return AnswerServer.Answer(body: #"{"token_ids": [1]}"#)
    } run: { server in
      try await withSource {
        $0.maximumQuestionBytes = 2 * chat.utf8.count
      } run: { source in
        let bodies = (0..<3).map { chat.replacing("fox", with: "fo\($0)") }
        let kinds = bodies.map { body in
          if case .pending = lookUp(source, body, at: [server.address]) { true } else { false }
        }
        #expect(kinds == [true, true, false] && count("busy") == 1)
        gate.open()
        // There is room again when they are answered.
        try await eventually { try await tokens(source, bodies[2], at: [server.address]) == [1] }
      }
    }
  }

  @Test func tokensGrowOld() async throws {
    try await withServer { _, _ in
      AnswerServer.Answer(body: #"{"token_ids": [1]}"#)
    } run: { server in
      try await withSource {
        $0.maximumTokenAge = .nanoseconds(1)
      } run: { source async throws in
        for _ in 0..<2 { #expect(try await tokens(source, chat, at: [server.address]) == [1]) }
        #expect(server.asked.count == 2)
      }
    }
  }

  @Test func aWrongPredictionMakesAllBeAskedForAgain() async throws {
    try await withServer { _, _ in
      AnswerServer.Answer(body: #"{"token_ids": [1]}"#)
    } run: { server in
      try await withSource { source async throws in
        for round in 1...3 {
          for _ in 0..<2 { #expect(try await tokens(source, chat, at: [server.address]) == [1]) }
          // Not more often than once a minute.
          #expect(server.asked.count == min(round, 2))
          source.invalidate()
        }
      }
    }
  }

  @Test func questionsAreBounded() async throws {
    try await withServer { _, _ in
      nil
    } run: { server in
      try await withSource {
        $0.maximumRenders = 3
        $0.renderTimeout = .seconds(3)
      } run: { source in
        var pending = 0
        for number in 0..<10 {
          if case .pending = lookUp(source, chat.replacing("fox", with: "fox \(number)"), at: [server.address]) {
            pending += 1
          }
        }
        #expect(pending == 3 && count("busy") == 7)
        // None is answered: after the time is up there is room again. The engine is left alone by then if all three failed at
        // once, and another one is asked.
        try await withServer { _, _ in
          nil
        } run: { other in
          try await eventually {
            if case .pending = lookUp(source, chat, at: [server.address, other.address]) { true } else { false }
          }
        }
      }
    }
  }
}

/// Holds threads until it is opened, and lets them through from then on.
private final class Gate: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)

  func open() { semaphore.signal() }

  /// A test that fails before it opens must not hold its server's thread for ever.
  func wait() {
    // Whoever comes through lets the next one through.
    if semaphore.wait(timeout: .now() + .seconds(120)) == .success { semaphore.signal() }
  }
}
