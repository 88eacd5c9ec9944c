import EPPCore
import EPPExtProc
import EPPTestKit
import Testing

/// Requests whose model is rewritten: the engine sees the new name, the client its own.
@Suite struct RewrittenModelTests {
  private static let rewrite = [("x-llm-d-model-name-rewrite", "canary")]

  struct Cut: Sendable {
    var request: BodyMode
    var response: BodyMode
    var chunkBytes: Int
    var sliceBytes: Int
    var isEventStream: Bool

    static let all: [Cut] = [BodyMode.fullDuplexStreamed, .buffered, .streamed].flatMap { response in
      [1, 2, 5, 13, 1000].flatMap { size in
        [true, false].map {
          Cut(
            request: .fullDuplexStreamed, response: response, chunkBytes: size, sliceBytes: size == 1000 ? 3 : .max,
            isEventStream: $0)
        }
      }
    }
  }

  private static func answer(_ model: String, isEventStream: Bool) -> [UInt8] {
    let object = #"{"id": "1", "model": "\#(model)", "choices": [{"text": "the \"model\": \"canary\" is new"}]}"#
    return Array((isEventStream ? "data: \(object)\n\ndata: \(object)\n\ndata: [DONE]\n\n" : object).utf8)
  }

  @Test(arguments: Cut.all) func answersShowTheModelThatTheClientAskedFor(_ cut: Cut) {
    let picker = InProcessPicker()
    let gateway = InProcessGateway(
      picker, request: cut.request, response: cut.response, sliceBytes: cut.sliceBytes)
    let request = gateway.send([ExtProcExchangeTests.json(100, model: "mine")], headers: Self.rewrite)
    #expect(request.body == ExtProcExchangeTests.json(100, model: "canary"))
    #expect(request.setHeaders["content-length"] == "\(request.body.count)")
    let sent = Self.answer("canary", isEventStream: cut.isEventStream)
    let chunks = cut.response == .buffered ? [sent] : ExtProcExchangeTests.chunks(sent, of: cut.chunkBytes)
    let response = gateway.respond(chunks, type: cut.isEventStream ? "text/event-stream" : "application/json")
    #expect(
      String(decoding: response.body, as: UTF8.self)
        == String(decoding: Self.answer("mine", isEventStream: cut.isEventStream), as: UTF8.self))
    #expect(response.removedHeaders == ["content-length"])
    #expect(gateway.violations == [])
    gateway.cancel()
    ExtProcExchangeTests.expectNothingLeft(picker)
  }

  @Test(arguments: [BodyMode.fullDuplexStreamed, .buffered, .bufferedPartial], [10, 200_000])
  func bodiesOfAnySizeGoOnWithTheNewName(mode: BodyMode, size: Int) {
    let gateway = InProcessGateway(InProcessPicker(), request: mode)
    let body = ExtProcExchangeTests.json(size, model: "a much longer name than the other")
    let request = gateway.send(ExtProcExchangeTests.chunks(body, of: 9000), headers: Self.rewrite)
    #expect(request.body == ExtProcExchangeTests.json(size, model: "canary"))
    #expect(request.setHeaders["content-length"] == "\(request.body.count)")
    #expect(gateway.violations == [])
  }

  /// It is seen although answers are not wanted, for it has to be changed.
  @Test func theAnswerIsChangedWithoutResponseProcessing() {
    let picker = InProcessPicker { $0.responseProcessing = .none }
    let gateway = InProcessGateway(picker)
    gateway.send([ExtProcExchangeTests.json(10, model: "mine")], headers: Self.rewrite)
    #expect(!gateway.stream.isOver)
    let response = gateway.respond([Self.answer("canary", isEventStream: false)])
    #expect(response.body == Self.answer("mine", isEventStream: false))
    ExtProcExchangeTests.expectNothingLeft(picker)
  }

  @Test func aCompressedAnswerIsLeftAlone() {
    let gateway = InProcessGateway(InProcessPicker())
    gateway.send([ExtProcExchangeTests.json(10, model: "mine")], headers: Self.rewrite)
    gateway.sendResponseHeaders(isEncoded: true)
    let sent = Self.answer("canary", isEventStream: false)
    gateway.sendResponseChunk(sent, endOfStream: true)
    #expect(gateway.response.body == sent && gateway.response.removedHeaders.isEmpty)
  }

  @Test func answersThatTheGatewayKeepsAreWarnedOfOnce() {
    let picker = InProcessPicker()
    for _ in 0..<3 {
      let gateway = InProcessGateway(picker, response: .none)
      gateway.send([ExtProcExchangeTests.json(10, model: "mine")], headers: Self.rewrite)
      gateway.respond([Self.answer("canary", isEventStream: false)])
      gateway.cancel()
    }
    #expect(picker.log.lines(containing: "response_body_mode").count == 1)
    ExtProcExchangeTests.expectNothingLeft(picker)
  }
}
