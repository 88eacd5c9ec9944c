import EPPCore
import EPPExtProc
import EPPMetrics
import EPPPrefixCache
import EPPRouting
import EPPTestKit
import Testing

/// What a session decides by itself: refusals, deadlines, waits, and what it leaves behind.
@Suite struct ExtProcSessionTests {
  private typealias Exchanges = ExtProcExchangeTests

  private func header(_ name: String, of answer: ImmediateAnswer?) -> String? {
    answer?.headers.first { $0.name == name }?.value
  }

  // MARK: - Clients that leave

  struct Leaving: Sendable {
    var mode: BodyMode
    var after: Int
    var isHalfClosed: Bool

    static let all: [Leaving] = BodyMode.allCases.flatMap { mode in
      (0...6).flatMap { after in
        [true, false].map { Leaving(mode: mode, after: after, isHalfClosed: $0) }
      }
    }
  }

  @Test(arguments: Leaving.all) func aClientMayLeaveAtAnyPoint(_ leaving: Leaving) {
    let picker = InProcessPicker()
    let gateway = InProcessGateway(picker, request: leaving.mode, response: leaving.mode)
    let body = Exchanges.json(3000)
    let isBuffered = leaving.mode == .buffered || leaving.mode == .bufferedPartial
    let steps: [() -> Void] = [
      { gateway.sendRequestHeaders() },
      {
        if leaving.mode != .none {
          gateway.sendRequestChunk(isBuffered ? body : Array(body[..<1000]), endOfStream: isBuffered)
        }
      },
      { if leaving.mode != .none, !isBuffered { gateway.sendRequestChunk(Array(body[1000...]), endOfStream: true) } },
      { gateway.sendResponseHeaders(type: "text/event-stream") },
      { if leaving.mode != .none { gateway.sendResponseChunk(Array("data: {}\n\n".utf8), endOfStream: false) } },
      { if leaving.mode != .none { gateway.sendResponseChunk([], endOfStream: true) } },
    ]
    for step in steps.prefix(leaving.after) { step() }
    if leaving.isHalfClosed { gateway.stream.halfClose() }
    gateway.cancel()
    #expect(gateway.violations == [])
    Exchanges.expectNothingLeft(picker)
  }

  // MARK: - Refusals

  struct Refused: Sendable {
    var what: String
    var mode: BodyMode
    var body: String
    var status: Int

    static let all: [Refused] = [BodyMode.fullDuplexStreamed, .buffered].flatMap { mode in
      [
        Refused(what: "no JSON", mode: mode, body: "nothing", status: 400),
        Refused(what: "no object", mode: mode, body: "[1]", status: 400),
        Refused(what: "no model", mode: mode, body: #"{"prompt": "x"}"#, status: 400),
        Refused(what: "too large", mode: mode, body: String(repeating: "x", count: 2001), status: 413),
      ]
    }
  }

  @Test(arguments: Refused.all) func whatCannotBeRoutedIsAnswered(_ refused: Refused) throws {
    let picker = InProcessPicker { $0.maximumRequestBodyBytes = 2000 }
    let gateway = InProcessGateway(picker, request: refused.mode)
    let outcome = gateway.send(Exchanges.chunks(Array(refused.body.utf8), of: 700))
    let answer = try #require(outcome.immediate)
    #expect(answer.status == refused.status)
    #expect(header("content-type", of: answer) == "application/json")
    #expect(String(decoding: answer.body, as: UTF8.self).contains(#""error""#))
    #expect(gateway.stream.status == .ok && gateway.violations == [])
    #expect(picker.metric("llm_d_epp_request_error_total") == 1)
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

  @Test func aPoolWithoutEndpointsAnswers503() {
    let picker = InProcessPicker { $0.endpointCount = 0 }
    let gateway = InProcessGateway(picker)
    let answer = gateway.send([Exchanges.json(10)]).immediate
    #expect(answer?.status == 503)
    #expect(header("x-llm-d-request-dropped-reason", of: answer) == "rejected-no-endpoints")
    #expect(header("retry-after", of: answer) == "1")
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

  // MARK: - Deadlines

  @Test(arguments: [BodyMode.fullDuplexStreamed, .buffered, .bufferedPartial])
  func aBodyThatNeverComesMeetsTheDeadline(mode: BodyMode) {
    let picker = InProcessPicker { $0.requestDeadline = .seconds(5) }
    let gateway = InProcessGateway(picker, request: mode)
    gateway.sendRequestHeaders()
    if mode == .fullDuplexStreamed { gateway.sendRequestChunk(Array(#"{"model""#.utf8), endOfStream: false) }
    picker.advance(by: .milliseconds(4999))
    gateway.read()
    #expect(gateway.request.immediate == nil)
    picker.advance(by: .milliseconds(1))
    gateway.read()
    #expect(gateway.request.immediate?.status == 503)
    #expect(header("x-llm-d-request-dropped-reason", of: gateway.request.immediate) == "rejected-deadline")
    #expect(gateway.violations == [])
    gateway.cancel()
    Exchanges.expectNothingLeft(picker)
  }

  @Test func aRequestThatIsDecidedHasNoDeadline() {
    let picker = InProcessPicker()
    let gateway = InProcessGateway(picker)
    gateway.send([Exchanges.json(10)])
    picker.advance(by: .seconds(3600))
    gateway.respond([[1]])
    #expect(gateway.response.body == [1] && gateway.violations == [])
  }

  /// Each has its own, whatever the order in which they end.
  @Test func deadlinesAreToldInTheirOrder() {
    let picker = InProcessPicker { $0.requestDeadline = .seconds(10) }
    let gateways = (0..<20).map { _ in InProcessGateway(picker) }
    for gateway in gateways {
      gateway.sendRequestHeaders()
      picker.advance(by: .milliseconds(100))
    }
    for number in stride(from: 0, to: 20, by: 3) { gateways[number].cancel() }
    for number in 0..<20 {
      picker.advance(by: .milliseconds(number == 0 ? 8000 : 100))
      for (other, gateway) in gateways.enumerated() {
        gateway.read()
        let isDue = other <= number && other % 3 != 0
        #expect((gateway.request.immediate != nil) == isDue, "\(other) after \(number)")
      }
    }
    Exchanges.expectNothingLeft(picker)
  }

  // MARK: - Waits for token ids

  private final class Waiting {
    let pending = TestPendingTokens()
    let tokens: TestTokenSource
    let picker: InProcessPicker
    let gateway: InProcessGateway

    init(requestDeadline: Duration = .seconds(30)) {
      let tokens = TestTokenSource(.pending(pending))
      self.tokens = tokens
      picker = InProcessPicker {
        $0.tokens = tokens
        $0.routing.tokenPatience = .milliseconds(100)
        $0.requestDeadline = requestDeadline
      }
      // Somebody's events are followed, or no ids would be asked for.
      picker.index.setFollowed(true, picker.members[0].endpoint.slot)
      let fresh = picker.members.map { member in
        PoolSnapshot.Member(
          endpoint: member.endpoint, metrics: member.metrics, load: member.load, isStale: false)
      }
      picker.source.set(PoolSnapshot(members: fresh))
      gateway = InProcessGateway(picker)
      gateway.send([ExtProcExchangeTests.json(1000)])
    }
  }

  @Test func aRequestGoesOnWhenItsTokensAreThere() {
    let waiting = Waiting()
    #expect(waiting.gateway.request.decision == nil)
    #expect(!waiting.gateway.stream.wantsMessage)
    waiting.pending.deliver(Array(1...250))
    waiting.tokens.wake()
    waiting.gateway.stream.deliverWakeUp()
    waiting.gateway.read()
    #expect(waiting.gateway.request.destination != nil)
    #expect(waiting.picker.decisions.all.last?.promptTokens == 250)
    waiting.gateway.respond([[1]])
    #expect(waiting.gateway.violations == [])
    Exchanges.expectNothingLeft(waiting.picker)
  }

  /// By its text, then.
  @Test func aRequestGoesOnWithoutTokensThatTakeTooLong() {
    let waiting = Waiting()
    waiting.picker.advance(by: .milliseconds(99))
    waiting.gateway.read()
    #expect(waiting.gateway.request.decision == nil)
    waiting.picker.advance(by: .milliseconds(1))
    waiting.gateway.read()
    #expect(waiting.gateway.request.destination != nil)
    #expect(waiting.pending.isCancelled)
    // It is not asked for again, and a late wake-up changes nothing.
    #expect(waiting.tokens.asked.count == 1)
    waiting.tokens.wake()
    waiting.gateway.stream.deliverWakeUp()
    waiting.gateway.respond([[1]])
    #expect(waiting.gateway.violations == [])
    Exchanges.expectNothingLeft(waiting.picker)
  }

  @Test func theRequestsOwnDeadlineEndsTheWaitWithAPick() {
    let waiting = Waiting(requestDeadline: .milliseconds(50))
    waiting.picker.advance(by: .milliseconds(50))
    waiting.gateway.read()
    #expect(waiting.gateway.request.destination != nil)
    #expect(waiting.gateway.request.immediate == nil)
  }

  @Test func aClientMayLeaveWhileItsRequestWaits() {
    let waiting = Waiting()
    waiting.gateway.cancel()
    #expect(waiting.pending.isCancelled)
    waiting.tokens.wake()
    waiting.gateway.stream.deliverWakeUp()
    waiting.picker.advance(by: .seconds(60))
    Exchanges.expectNothingLeft(waiting.picker)
  }

  // MARK: - Headers

  @Test func aRequestWithoutAnIDGetsOne() {
    let gateway = InProcessGateway(InProcessPicker())
    let id = gateway.send([Exchanges.json(10)]).setHeaders["x-request-id"]
    #expect(id?.utf8.count == 36)
    let other = InProcessGateway(InProcessPicker())
    #expect(other.send([Exchanges.json(10)], headers: [("x-request-id", "mine")]).setHeaders["x-request-id"] == nil)
  }

  @Test(arguments: HeaderName.internalRequestHeaders.filter { $0 != HeaderName.destinationEndpoint })
  func internalHeadersOfAClientDoNotReachTheEngine(name: String) {
    let gateway = InProcessGateway(InProcessPicker())
    #expect(gateway.send([Exchanges.json(10)], headers: [(name, "10.9.9.9:1")]).removedHeaders.contains(name))
  }

  @Test func aSubsetHintHoldsWhereverItComes() {
    let picker = InProcessPicker()
    for _ in 0..<10 {
      let gateway = InProcessGateway(picker)
      #expect(
        gateway.send([Exchanges.json(10)], subset: .only(["10.0.0.2:8000"])).destination == "10.0.0.2:8000")
    }
    let nobody = InProcessGateway(picker)
    #expect(nobody.send([Exchanges.json(10)], subset: .only([])).immediate?.status == 503)
  }

  @Test func scoresOfAllCandidatesAreToldWhenTheyAreAskedFor() {
    let picker = InProcessPicker { $0.routing.emitsScores = true }
    let gateway = InProcessGateway(picker)
    #expect(gateway.send([Exchanges.json(10)]).decision?.scores.count == 3)
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

  @Test(arguments: [BodyMode.none, .streamed]) func promptsThatCannotBeSeenAreWarnedOfOnce(mode: BodyMode) {
    let picker = InProcessPicker()
    for _ in 0..<3 { InProcessGateway(picker, request: mode).send([Exchanges.json(10)]) }
    #expect(picker.log.lines(containing: "request_body_mode").count == 1)
    // No prompt is missed where there is none.
    let other = InProcessPicker()
    let gateway = InProcessGateway(other, request: mode)
    gateway.sendRequestHeaders([(":method", "GET")])
    #expect(other.log.lines(containing: "request_body_mode").isEmpty)
  }
}
