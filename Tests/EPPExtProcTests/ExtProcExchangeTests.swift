import EPPCore
import EPPExtProc
import EPPTestKit
import Testing

/// Whole exchanges through a session, in every body mode and however bytes are cut.
@Suite struct ExtProcExchangeTests {
  static let modes = BodyMode.allCases

  static func json(_ promptBytes: Int, model: String = "m") -> [UInt8] {
    Array(#"{"model": "\#(model)", "prompt": "\#(String(repeating: "word ", count: promptBytes / 5))"}"#.utf8)
  }

  static func chunks(_ bytes: [UInt8], of size: Int) -> [[UInt8]] {
    if bytes.isEmpty { return [[]] }
    return stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min(bytes.count, $0 + size)]) }
  }

  /// Nothing of a finished exchange is left: no load, no memory, no deadline, no stream.
  static func expectNothingLeft(_ picker: InProcessPicker, _ location: SourceLocation = #_sourceLocation) {
    #expect(picker.inFlight == 0, sourceLocation: location)
    #expect(picker.budget.heldBytes == 0, sourceLocation: location)
    #expect(!picker.hasDeadline, sourceLocation: location)
    #expect(picker.metric("epp_extproc_streams_in_flight") == 0, sourceLocation: location)
    #expect(picker.metric("llm_d_epp_request_running") == 0, sourceLocation: location)
  }

  struct Cut: Sendable, CustomTestStringConvertible {
    var mode: BodyMode
    var promptBytes: Int
    var chunkBytes: Int
    var sliceBytes: Int

    var testDescription: String { "\(mode), \(promptBytes) bytes in chunks of \(chunkBytes), slices of \(sliceBytes)" }

    static let all: [Cut] = modes.flatMap { mode in
      [(10, 1, 1), (10, 1000, .max), (3000, 7, 3), (70_000, 16_384, 8192), (200_000, 65_536, 16_000)].map {
        Cut(mode: mode, promptBytes: $0, chunkBytes: $1, sliceBytes: $2)
      }
    }
  }

  @Test(arguments: Cut.all) func everyModeServesAnExchange(_ cut: Cut) throws {
    let picker = InProcessPicker()
    let gateway = InProcessGateway(picker, request: cut.mode, response: cut.mode, sliceBytes: cut.sliceBytes)
    let body = Self.json(cut.promptBytes)
    let request = gateway.send(Self.chunks(body, of: cut.chunkBytes))
    #expect(request.destination?.hasPrefix("10.0.0.") == true)
    #expect(request.body == body && request.isComplete && request.immediate == nil)
    #expect(picker.inFlight == 1)
    let answer = Array(#"{"model": "m", "usage": {"prompt_tokens": 5, "completion_tokens": 2}}"#.utf8)
    let response = gateway.respond(Self.chunks(answer, of: max(5, cut.chunkBytes / 10)))
    #expect(response.body == answer && response.isComplete)
    gateway.cancel()
    #expect(gateway.violations == [])
    Self.expectNothingLeft(picker)
  }

  /// Full duplex sends back what it gets; other modes have the length of the client's own body.
  @Test(arguments: [BodyMode.fullDuplexStreamed]) func theLengthOfTheBodyIsTold(mode: BodyMode) {
    let gateway = InProcessGateway(InProcessPicker(), request: mode)
    let body = Self.json(100_000)
    #expect(gateway.send(Self.chunks(body, of: 30_000)).setHeaders["content-length"] == "\(body.count)")
  }

  @Test(arguments: modes) func aRequestWithoutABodyIsRoutedFromItsHeaders(mode: BodyMode) {
    let picker = InProcessPicker()
    let gateway = InProcessGateway(picker, request: mode, response: mode)
    gateway.sendRequestHeaders([(":method", "GET"), (":path", "/v1/models")], endOfStream: true)
    #expect(gateway.request.destination != nil)
    #expect(gateway.request.setHeaders["content-length"] == nil)
    gateway.respond([Array("{}".utf8)])
    gateway.cancel()
    #expect(gateway.violations == [])
    Self.expectNothingLeft(picker)
  }

  struct Bodiless: Sendable {
    var mode: BodyMode
    var headers: [(String, String)]

    static let all: [Bodiless] = modes.flatMap { mode in
      [
        [(":method", "GET"), ("connection", "Upgrade")], [(":method", "GET"), ("connection", "keep-alive, upgrade")],
        [(":method", "CONNECT"), (":protocol", "websocket")], [(":method", "GET")], [(":method", "HEAD")],
      ].map { Bodiless(mode: mode, headers: $0) }
    }
  }

  /// The gateway does not say that the stream ends with the headers, and no body comes for as long as the connection lives.
  @Test(arguments: Bodiless.all) func whatHasNoBodyWaitsForNone(_ request: Bodiless) {
    let picker = InProcessPicker()
    let gateway = InProcessGateway(picker, request: request.mode, response: request.mode)
    gateway.sendRequestHeaders(request.headers)
    #expect(gateway.request.destination != nil)
    #expect(!picker.hasDeadline)
    gateway.sendResponseHeaders(status: 101)
    #expect(gateway.violations == [])
    gateway.cancel()
    Self.expectNothingLeft(picker)
  }

  /// What goes to and fro on an upgraded connection passes.
  @Test func chunksOfAnUpgradedConnectionPassBothWays() {
    let picker = InProcessPicker()
    let gateway = InProcessGateway(picker)
    gateway.sendRequestHeaders([(":method", "GET"), ("connection", "upgrade")])
    gateway.sendResponseHeaders(status: 101, type: "")
    for number in 0..<5 as Range<UInt8> {
      gateway.sendRequestChunk([number], endOfStream: false)
      gateway.sendResponseChunk([number, number], endOfStream: false)
    }
    #expect(gateway.request.body == [0, 1, 2, 3, 4])
    #expect(gateway.response.body == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    #expect(gateway.violations == [])
  }

  /// A GET may have a body, if it says so.
  @Test(arguments: ["content-length", "transfer-encoding"]) func anAnnouncedBodyIsWaitedFor(header: String) {
    let gateway = InProcessGateway(InProcessPicker())
    let body = Self.json(100)
    gateway.sendRequestHeaders([(":method", "GET"), (header, header == "content-length" ? "\(body.count)" : "chunked")])
    #expect(gateway.request.destination == nil)
    gateway.sendRequestChunk(body, endOfStream: true)
    #expect(gateway.request.destination != nil && gateway.request.body == body)
    #expect(gateway.violations == [])
  }

  @Test(arguments: modes.filter { $0 != .none }) func trailersEndBothBodies(mode: BodyMode) {
    let picker = InProcessPicker()
    let gateway = InProcessGateway(picker, request: mode, response: mode)
    let body = Self.json(500)
    let request = gateway.send(Self.chunks(body, of: 100), trailers: true)
    #expect(request.body == body && request.isComplete && request.destination != nil)
    let response = gateway.respond([[1], [2]], trailers: true)
    #expect(response.body == [1, 2] && response.isComplete)
    #expect(gateway.violations == [])
    gateway.cancel()
    Self.expectNothingLeft(picker)
  }

  @Test(arguments: [BodyMode.fullDuplexStreamed, .streamed]) func chunksMayBeEmpty(mode: BodyMode) {
    let picker = InProcessPicker()
    let gateway = InProcessGateway(picker, request: mode, response: mode)
    let body = Self.json(1000)
    let request = gateway.send([[], Array(body[..<100]), [], Array(body[100...]), []])
    #expect(request.body == body && request.isComplete && request.destination != nil)
    let response = gateway.respond([[], [1], [], [2], []])
    #expect(response.body == [1, 2] && response.isComplete)
    gateway.cancel()
    #expect(gateway.violations == [])
    Self.expectNothingLeft(picker)
  }

  @Test(arguments: modes) func anAnswerMayHaveNoBody(mode: BodyMode) {
    let picker = InProcessPicker()
    let gateway = InProcessGateway(picker, request: mode, response: mode)
    gateway.send([Self.json(10)])
    #expect(gateway.respond([], status: 204).isComplete)
    #expect(gateway.stream.status == .ok && gateway.violations == [])
    Self.expectNothingLeft(picker)
  }

  /// A local reply of the gateway, or a request that another filter has answered.
  @Test(arguments: [true, false]) func aStreamMayBeginWithTheAnswer(hasBody: Bool) {
    let picker = InProcessPicker()
    let gateway = InProcessGateway(picker)
    gateway.sendResponseHeaders(status: 503, endOfStream: !hasBody)
    if hasBody { gateway.sendResponseChunk([7], endOfStream: true) }
    #expect(gateway.response.body == (hasBody ? [7] : []) && gateway.response.isComplete)
    #expect(gateway.stream.status == .ok && gateway.violations == [])
    Self.expectNothingLeft(picker)
  }

  @Test(arguments: [true, false], [1, 3, 10, 10_000])
  func usageIsCountedHoweverTheAnswerIsCut(isEventStream: Bool, chunkBytes: Int) {
    let picker = InProcessPicker()
    let gateway = InProcessGateway(picker, sliceBytes: 7)
    gateway.send([Self.json(10)])
    let usage = #"""
      {"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, \#
      "prompt_tokens_details": {"cached_tokens": 64}}}
      """#
    let events = String(repeating: "data: {\"choices\": [{\"delta\": {\"content\": \"hi\"}}]}\n\n", count: 3)
    let answer = Array((isEventStream ? events + "data: \(usage)\n\ndata: [DONE]\n\n" : usage).utf8)
    gateway.respond(
      Self.chunks(answer, of: chunkBytes), type: isEventStream ? "text/event-stream" : "application/json")
    #expect(gateway.response.body == answer && gateway.violations == [])
    #expect(picker.metric("llm_d_epp_request_input_tokens_sum") == 100)
    #expect(picker.metric("llm_d_epp_request_output_tokens_sum") == 20)
    #expect(picker.metric("llm_d_epp_request_cached_tokens_sum") == 64)
    // Nothing was predicted, so all of it is what the engine reports.
    #expect(picker.metric("epp_prefix_cache_hit_tokens_total") == 64)
    Self.expectNothingLeft(picker)
  }

  @Test func errorsOfTheEngineAreCounted() {
    let picker = InProcessPicker()
    let gateway = InProcessGateway(picker)
    gateway.send([Self.json(10)])
    gateway.respond([Array(#"{"error": {}}"#.utf8)], status: 500)
    #expect(picker.metric("llm_d_epp_request_error_total") == 1)
    #expect(picker.page.contains(#"error_code="ModelServerError""#))
    Self.expectNothingLeft(picker)
  }

  @Test func noAnnouncementMeansFullDuplex() {
    let gateway = InProcessGateway(InProcessPicker(), announcesModes: false)
    #expect(gateway.send([Self.json(10)]).destination != nil)
    gateway.respond([[1, 2, 3]])
    #expect(gateway.response.body == [1, 2, 3] && gateway.violations == [])
  }

  /// The stream ends by the picker's own word where the answer is complete, and with the request where answers are not wanted.
  @Test(arguments: ResponseProcessing.allCases) func theStreamEndsWhenNothingMoreIsWanted(
    _ processing: ResponseProcessing
  ) {
    let picker = InProcessPicker { $0.responseProcessing = processing }
    // One in so many is seen when sampling.
    for _ in 0..<ResponseProcessing.sampleInterval - 1 {
      let gateway = InProcessGateway(picker)
      gateway.send([Self.json(10)])
      #expect(gateway.stream.isOver == (processing != .full))
      if processing == .full { gateway.respond([[1]]) }
      #expect(gateway.stream.status == .ok && gateway.violations == [])
    }
    let last = InProcessGateway(picker)
    last.send([Self.json(10)])
    #expect(last.stream.isOver == (processing == .none))
  }

  /// An engine may answer before it has read the request.
  @Test(arguments: [BodyMode.streamed, .none]) func anAnswerMayComeBeforeTheRequestHasEnded(mode: BodyMode) {
    let picker = InProcessPicker()
    let gateway = InProcessGateway(picker, request: mode, response: .fullDuplexStreamed)
    gateway.sendRequestHeaders()
    gateway.sendResponseHeaders(status: 413)
    gateway.sendResponseChunk([7], endOfStream: true)
    #expect(gateway.response.body == [7] && gateway.stream.isOver)
    #expect(gateway.violations == [])
    Self.expectNothingLeft(picker)
  }

  @Test(arguments: 0..<20) func anyCuttingOfAnyExchangeIsWhole(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let picker = InProcessPicker {
      $0.responseProcessing = ResponseProcessing.allCases.randomElement(using: &generator) ?? .full
    }
    for round in 0..<20 {
      let (request, response) = (
        Self.modes.randomElement(using: &generator) ?? .none, Self.modes.randomElement(using: &generator) ?? .none
      )
      let gateway = InProcessGateway(
        picker, request: request, response: response, sliceBytes: Int.random(in: 1...5000, using: &generator))
      let body = Self.json(Int.random(in: 1...100_000, using: &generator))
      let trailers = request != .none && Bool.random(using: &generator)
      let outcome = gateway.send(
        Self.chunks(body, of: Int.random(in: 200...70_000, using: &generator)), trailers: trailers)
      #expect(outcome.body == body && outcome.destination != nil, "round \(round) of \(seed)")
      if !gateway.stream.isOver {
        let answer = [UInt8](repeating: UInt8(round), count: Int.random(in: 0...100_000, using: &generator))
        let chunks = Self.chunks(answer, of: Int.random(in: 100...70_000, using: &generator))
        #expect(gateway.respond(chunks, type: "text/event-stream").body == answer, "round \(round) of \(seed)")
      }
      gateway.cancel()
      #expect(gateway.violations == [], "round \(round) of \(seed)")
    }
    Self.expectNothingLeft(picker)
  }
}
