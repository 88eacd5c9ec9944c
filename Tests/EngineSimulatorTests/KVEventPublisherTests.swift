import EngineSimulator
import NIOHTTP1
import Testing
import ZeroMQ

/// Events over real sockets.
@Suite struct KVEventPublisherTests {
  private func with(
    _ change: (inout EngineOptions) -> Void = { _ in }, _ body: (EngineClient) async throws -> Void
  ) async throws {
    try await EngineClient.with(
      { options in
        var configuration = KVEventsConfiguration()
        configuration.endpoint = KVEventEndpoint("tcp://127.0.0.1:*")
        configuration.replayEndpoint = KVEventEndpoint("tcp://127.0.0.1:0")
        configuration.topic = "kv@engine"
        options.kvEvents = configuration
        change(&options)
      }, body)
  }

  private func prompt(_ start: Int, tokens: Int) -> String {
    "[\((0..<tokens).map { "\(start + $0)" }.joined(separator: ","))]"
  }

  private func complete(_ engine: EngineClient, _ start: Int, tokens: Int, output: Int = 1) async throws {
    let answer = try await engine.post(
      "/v1/completions", #"{"prompt":\#(prompt(start, tokens: tokens)),"max_tokens":\#(output)}"#)
    #expect(answer.status == 200)
  }

  private func published(_ engine: EngineClient) async throws -> Int {
    guard case .number(let count)? = try await engine.get("/sim/kv-events").json["published"] else { return -1 }
    return Int(count)
  }

  @Test func whoAppliesAllEventsKnowsExactlyWhatIsCached() async throws {
    try await with {
      $0.cacheBlocks = 60
    } _: { engine in
      let subscriber = try await EventSubscriber.following(engine.server)
      for turn in 0..<30 {
        try await complete(engine, 100 + turn % 7 * 1000, tokens: 64 + turn * 5 % 90, output: 1 + turn % 40)
        if turn == 10 { _ = try await engine.post("/reset_prefix_cache", "") }
      }
      let batches = try subscriber.batches(try await published(engine))
      #expect(batches.map(\.sequence) == Array(0..<UInt64(batches.count)))
      let residency = try await engine.server.residency()
      let expected = Dictionary(residency.map { ($0.low64, $1) }, uniquingKeysWith: +)
      #expect(try EventSubscriber.residency(batches) == expected)
      #expect(expected.count > 30)
    }
  }

  @Test(arguments: KVEventFormat.Encoding.allCases)
  func earlierBatchesCanBeAskedFor(encoding: KVEventFormat.Encoding) async throws {
    try await with {
      $0.kvEventFormat = KVEventFormat(encoding: encoding)
    } _: { engine in
      let subscriber = try await EventSubscriber.following(engine.server)
      for number in 0..<5 { try await complete(engine, number * 1000, tokens: 40) }
      let live = try subscriber.batches(5)
      for start in [UInt64(0), 3, 5, 100] {
        let answers = try subscriber.ask(from: start)
        let expected = live.filter { $0.sequence >= start }
        #expect(answers.count == expected.count + 1)
        for (frames, batch) in zip(answers, expected) {
          let topic = encoding == .map ? [Array("kv@engine".utf8)] : []
          #expect(frames.dropLast(2) == [[]] + topic)
          #expect(EventSubscriber.number(frames[frames.count - 2]) == batch.sequence)
          #expect(frames.last == batch.payload)
        }
        let end = Array(repeating: UInt8.max, count: 8)
        #expect(answers.last == (encoding == .map ? [[], [], end, []] : [[], end, []]))
      }
    }
  }

  @Test func aClearedCacheIsToldWithTheNextRequest() async throws {
    try await with { engine in
      let subscriber = try await EventSubscriber.following(engine.server)
      try await complete(engine, 0, tokens: 40)
      _ = try subscriber.batches(1)
      #expect(try await engine.post("/reset_prefix_cache", "").text == #"{"success":true}"#)
      #expect(try await published(engine) == 1)
      try await complete(engine, 5000, tokens: 40)
      let events = try subscriber.batches(1)[0].events
      #expect(events.map { $0["type"] } == [.text("AllBlocksCleared"), .text("BlockStored")])
    }
  }

  @Test func lostBatchesLeaveAGapThatAReplayCloses() async throws {
    try await with { engine in
      let subscriber = try await EventSubscriber.following(engine.server)
      try await complete(engine, 0, tokens: 40)
      _ = try await engine.post("/sim/kv-events", #"{"drop":2}"#)
      for number in 1..<5 { try await complete(engine, number * 1000, tokens: 40) }
      #expect(try subscriber.batches(3).map(\.sequence) == [0, 3, 4])
      let answers = try subscriber.ask(from: 1).dropLast()
      #expect(answers.map { EventSubscriber.number($0[2]) } == [1, 2, 3, 4])
    }
  }

  @Test func aPausedPublisherSendsLater() async throws {
    try await with { engine in
      let subscriber = try await EventSubscriber.following(engine.server)
      let state = try await engine.post("/sim/kv-events", #"{"paused":true}"#).json
      #expect(state["paused"] == .bool(true))
      try await complete(engine, 0, tokens: 40)
      #expect(subscriber.frames(within: .milliseconds(50)) == nil)
      _ = try await engine.post("/sim/kv-events", #"{"paused":false}"#)
      #expect(try subscriber.batches(1).map(\.sequence) == [0])
    }
  }

  @Test func damagedBatchesAndGarbageArrive() async throws {
    try await with { engine in
      let subscriber = try await EventSubscriber.following(engine.server)
      _ = try await engine.post("/sim/kv-events", #"{"garbage":4,"garble":1}"#)
      let garbage = (0..<4).compactMap { _ in subscriber.frames() }
      #expect(Set(garbage.map(\.count)) == [1, 2, 3, 5])
      try await complete(engine, 0, tokens: 40)
      let batch = try subscriber.batches(1)[0]
      #expect(batch.sequence == 0)
      #expect(throws: MessagePackValue.Malformed.self) { try batch.events }
    }
  }

  @Test func anEngineWithoutAListenerThereConnects() async throws {
    let subscriber = try EventSubscriber(listeningOn: "tcp://127.0.0.1:*", topic: "kv@")
    try await with {
      $0.kvEvents?.endpoint = KVEventEndpoint(subscriber.boundEndpoint)
    } _: { engine in
      #expect(engine.server.kvEvents?.endpoint.text == subscriber.boundEndpoint)
      try await subscriber.waitUntilHeard(engine.server)
      try await complete(engine, 0, tokens: 40)
      #expect(try subscriber.batches(1).map(\.sequence) == [0])
    }
  }

  @Test func loopbackAloneCanBeListenedOnInVLLMsWay() async throws {
    try await with {
      $0.kvEvents?.endpoint = KVEventEndpoint("tcp://[::ffff:127.0.0.1]:0")
    } _: { engine in
      #expect(engine.server.kvEvents?.endpoint.text.hasPrefix("tcp://127.0.0.1:") == true)
      _ = try await EventSubscriber.following(engine.server)
    }
  }

  @Test func aTakenPortIsAnErrorThatSaysWhatToDo() async throws {
    try await with { engine in
      var options = EngineOptions()
      options.kvEvents = engine.server.kvEvents
      options.kvEvents?.endpoint = KVEventEndpoint("tcp://*:*")
      let taken = options
      let error = await #expect(throws: KVEventPublisherError.self) { try await EngineServer.start(options: taken) }
      #expect(error?.description.contains("--kv-events-config") == true)
    }
  }

  @Test func theEngineTellsWhereItPublishes() async throws {
    try await with { engine in
      let sources = try await engine.get("/kv_event_sources").json
      #expect(try sources.paths == JSONValue(RecordedAnswers.kvEventSources).paths)
      let endpoint = try #require(engine.server.kvEvents).endpoint.text
      #expect(sources["0", "endpoint"] == .string(endpoint))
    }
    try await EngineClient.with { engine in
      let sources = try await engine.get("/kv_event_sources").text
      #expect(sources == "{}")
      let fault = try await engine.post("/sim/kv-events", #"{"drop":1}"#)
      #expect(fault.status == 400)
    }
  }

  @Test(arguments: [#"{"drop":-1}"#, #"{"garbage":1000000000}"#, #"{"paused":1}"#, "{", "[1"])
  func aSenselessFaultIsRefused(body: String) async throws {
    try await with { engine in
      let answer = try await engine.post("/sim/kv-events", body)
      #expect(answer.status == 400)
      let state = try await engine.get("/sim/kv-events").json
      #expect(state["drop"] == .number(0) && state["garbage"] == .number(0))
    }
  }

  @Test func aHangingEngineSaysNothingAndGoesOnAfterwards() async throws {
    try await with { engine in
      let subscriber = try await EventSubscriber.following(engine.server)
      try await engine.server.setFault(.hang)
      engine.server.changeKVEventFaults { $0.garbage = 1 }
      #expect(subscriber.frames(within: .milliseconds(50)) == nil)
      try await engine.server.setFault(.none)
      #expect(subscriber.frames() != nil)
    }
  }
}
