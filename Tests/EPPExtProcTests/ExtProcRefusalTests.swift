import EPPCore
import EPPExtProc
import EPPMetrics
import EPPTestKit
import Testing

/// Requests that get the picker's own answer, and streams that it ends.
@Suite struct ExtProcRefusalTests {
  private typealias Exchanges = ExtProcExchangeTests

  private func header(_ name: String, of answer: ImmediateAnswer?) -> String? {
    answer?.headers.first { $0.name == name }?.value
  }

  // MARK: - Refusals

  struct Refused: Sendable, CustomTestStringConvertible {
    var what: String
    var body: [UInt8]
    var status = 400
    /// A part of the error that the client gets.
    var says = #""type":"invalid_request_error""#

    var testDescription: String { what }

    private static func noModel(_ body: String) -> Self {
      Refused(what: body, body: Array(body.utf8), says: #""param":"model""#)
    }

    static let all: [Refused] =
      [
        "", " ", "{", #"{"model": "m", "messages": ["#, "null", "[]", "[1]", #""text""#, "{]", #"{"model": "m",}"#,
        "nothing", #"{"model": "m" "messages": []}"#, String(repeating: "{", count: 1000),
        #"{"model": "m", "messages": [{"role": "user", "content": "a"}]} trailing"#,
        #"{"model": "m", "messages": [{"role": "user", "content": "a\#nb"}]}"#,
        #"{"model": "m", "messages": [{"role": "user", "content": "\x"}]}"#,
        #"{"model": "m", "n": 01, "messages": [{"role": "user", "content": "a"}]}"#,
      ].map { Refused(what: String($0.prefix(60)), body: Array($0.utf8)) } + [
        Refused(what: "no UTF-8", body: [0xFF, 0xFE, 0]),
        Refused(
          what: "no UTF-8 in a name", body: Array(#"{"model": ""#.utf8) + [0xFF] + Array(#"", "prompt": "a"}"#.utf8)),
        noModel(#"{"prompt": "x"}"#), noModel(#"{"model": "", "prompt": "x"}"#),
        noModel(#"{"model": 5, "prompt": "x"}"#),
        Refused(what: "too large", body: [UInt8](repeating: 0x78, count: 2001), status: 413, says: "2000 bytes"),
      ]
  }

  @Test(arguments: Refused.all, [BodyMode.fullDuplexStreamed, .buffered])
  func whatCannotBeRoutedIsAnswered(_ refused: Refused, mode: BodyMode) throws {
    let picker = InProcessPicker { $0.maximumRequestBodyBytes = 2000 }
    let gateway = InProcessGateway(picker, request: mode)
    let outcome = gateway.send(Exchanges.chunks(refused.body, of: 700))
    let answer = try #require(outcome.immediate)
    #expect(answer.status == refused.status)
    #expect(header("content-type", of: answer) == "application/json")
    let text = String(decoding: answer.body, as: UTF8.self)
    #expect(text.contains(#""error""#) && text.contains(refused.says), "\(text)")
    #expect(gateway.stream.status == .ok && gateway.violations == [])
    #expect(picker.metric("llm_d_epp_request_error_total") == 1)
    #expect(picker.page.contains(#"error_code="\#(refused.status == 400 ? "BadRequest" : "ContentTooLarge")""#))
    #expect(picker.decisions.all.map(\.outcome) == [.rejected(refused.status == 400 ? .badRequest : .contentTooLarge)])
    Exchanges.expectNothingLeft(picker)
  }

  /// The client's own figure is enough.
  @Test(arguments: [BodyMode.fullDuplexStreamed, .buffered, .bufferedPartial])
  func anAnnouncedLengthOverTheLimitIsRefusedAtOnce(mode: BodyMode) {
    let picker = InProcessPicker { $0.maximumRequestBodyBytes = 2000 }
    let gateway = InProcessGateway(picker, request: mode)
    gateway.sendRequestHeaders([("content-length", "2001")])
    #expect(gateway.request.immediate?.status == 413)
    Exchanges.expectNothingLeft(picker)
  }

  @Test(arguments: ["POST", "GET"]) func aPoolWithoutEndpointsAnswers503(method: String) throws {
    let picker = InProcessPicker { $0.endpointCount = 0 }
    let gateway = InProcessGateway(picker)
    gateway.sendRequestHeaders([(":method", method)], endOfStream: method == "GET")
    if method == "POST" { gateway.sendRequestChunk(Exchanges.json(10), endOfStream: true) }
    let answer = try #require(gateway.request.immediate)
    #expect(answer.status == 503)
    #expect(header("x-llm-d-request-dropped-reason", of: answer) == "rejected-no-endpoints")
    #expect(header("retry-after", of: answer) == "1")
    #expect(header("content-type", of: answer) == "application/json")
    #expect(String(decoding: answer.body, as: UTF8.self).contains(#""message":"no endpoint"#))
  }

  @Test func bodiesThatFitNowhereAre503UntilMemoryIsFree() {
    let picker = InProcessPicker { $0.maximumBufferedBytes = 100_000 }
    let first = InProcessGateway(picker)
    first.sendRequestHeaders([("content-length", "80000")])
    first.sendRequestChunk([UInt8](repeating: 0x20, count: 80_000), endOfStream: false)
    let second = InProcessGateway(picker)
    let answer = second.send([Exchanges.json(30_000)]).immediate
    #expect(answer?.status == 503)
    #expect(header("x-llm-d-request-dropped-reason", of: answer) == "rejected-buffer-full")
    // What is small fits beside it.
    let third = InProcessGateway(picker)
    #expect(third.send([Exchanges.json(100)]).destination != nil)
    first.cancel()
    let fourth = InProcessGateway(picker)
    #expect(fourth.send([Exchanges.json(30_000)]).destination != nil)
    for gateway in [second, third, fourth] {
      gateway.cancel()
      #expect(gateway.violations == [])
    }
    Exchanges.expectNothingLeft(picker)
  }

  /// A million chunks of a byte cost a million bytes, and not a million messages.
  @Test func chunksOfAByteCostAByte() {
    let picker = InProcessPicker()
    let gateway = InProcessGateway(picker)
    gateway.sendRequestHeaders()
    for _ in 0..<50_000 { gateway.sendRequestChunk([0x20], endOfStream: false) }
    #expect(picker.budget.heldBytes < 100_000)
    gateway.cancel()
    Exchanges.expectNothingLeft(picker)
  }

  // MARK: - The order of messages

  struct Disorder: Sendable {
    var what: String
    var send: @Sendable (InProcessGateway) -> Void

    static let all: [Disorder] = [
      Disorder(what: "a body first") { $0.sendRequestChunk([1], endOfStream: true) },
      Disorder(what: "trailers first") { $0.sendRequestTrailers() },
      Disorder(what: "an answer's body first") { $0.sendResponseChunk([1], endOfStream: true) },
      Disorder(what: "an answer's trailers first") { $0.sendResponseTrailers() },
      Disorder(what: "headers twice") {
        $0.sendRequestHeaders()
        $0.sendRequestHeaders()
      },
      Disorder(what: "a body after the end") {
        $0.send([ExtProcExchangeTests.json(10)])
        $0.sendRequestChunk([1], endOfStream: true)
      },
      Disorder(what: "a body after headers that end the request") {
        $0.sendRequestHeaders([(":method", "GET")], endOfStream: true)
        $0.sendRequestChunk([1], endOfStream: true)
      },
      Disorder(what: "an answer's body without its headers") {
        $0.sendRequestHeaders()
        $0.sendResponseChunk([1], endOfStream: false)
      },
      Disorder(what: "a request after the answer") {
        $0.sendResponseHeaders()
        $0.sendRequestHeaders()
      },
      Disorder(what: "an answer's headers twice without a request") {
        $0.sendResponseHeaders()
        $0.sendResponseHeaders()
      },
      Disorder(what: "an answer's headers twice") {
        $0.send([ExtProcExchangeTests.json(10)])
        $0.sendResponseHeaders()
        $0.sendResponseHeaders()
      },
    ]
  }

  @Test(arguments: Disorder.all.indices) func messagesOutOfOrderEndTheStream(number: Int) {
    let picker = InProcessPicker()
    let gateway = InProcessGateway(picker)
    Disorder.all[number].send(gateway)
    guard case .invalidArgument? = gateway.stream.status else {
      Issue.record("\(Disorder.all[number].what): \(String(describing: gateway.stream.status))")
      return
    }
    #expect(picker.metrics.streams(status: 3).value == 1)
    Exchanges.expectNothingLeft(picker)
  }
}
