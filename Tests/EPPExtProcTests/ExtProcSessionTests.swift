import EPPCore
import EPPExtProc
import EPPPrefixCache
import EPPRouting
import EPPTestKit
import Testing

/// What a session decides by itself: deadlines, waits, headers, and what it leaves behind.
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
        $0.routing.tokenDeadline = .milliseconds(100)
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

  @Test func aRequestWithoutAnIDGetsOne() throws {
    let gateway = InProcessGateway(InProcessPicker())
    let id = try #require(gateway.send([Exchanges.json(10)]).setHeaders["x-request-id"])
    #expect(try #/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/#.wholeMatch(in: id) != nil)
    let other = InProcessGateway(InProcessPicker())
    #expect(other.send([Exchanges.json(10)], headers: [("x-request-id", "mine")]).setHeaders["x-request-id"] == nil)
  }

  @Test(
    arguments: HeaderName.internalRequestHeaders.filter { $0 != HeaderName.destinationEndpoint },
    [("POST", false), ("GET", true)])
  func internalHeadersOfAClientDoNotReachTheEngine(name: String, request: (method: String, isBodiless: Bool)) {
    let gateway = InProcessGateway(InProcessPicker())
    gateway.sendRequestHeaders([(":method", request.method), (name, "10.9.9.9:1")], endOfStream: request.isBodiless)
    if !request.isBodiless { gateway.sendRequestChunk(Exchanges.json(10), endOfStream: true) }
    #expect(gateway.request.destination != nil)
    #expect(gateway.request.removedHeaders.contains(name))
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

  // MARK: - Warnings

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
