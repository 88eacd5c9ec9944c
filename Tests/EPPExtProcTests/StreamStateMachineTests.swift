import EPPCore
import EPPExtProc
import EPPRouting
import EPPTestKit
import Testing

/// Conversations as gateways hold them, message by message.
@Suite struct StreamStateMachineTests {
  /// A machine for tests, with a limit of 1,000 bytes.
  private func machine(seesResponse: Bool = true) -> StreamStateMachine {
    StreamStateMachine(limits: StreamLimits(maximumRequestBodyBytes: 1000), seesResponse: seesResponse)
  }

  private func headers(
    _ request: BodyMode = .fullDuplexStreamed, _ response: BodyMode = .fullDuplexStreamed, endOfStream: Bool = false,
    contentLength: Int? = nil
  ) -> GatewayMessage {
    .requestHeaders(
      .init(
        endOfStream: endOfStream, configuration: ProtocolConfiguration(requestBody: request, responseBody: response),
        contentLength: contentLength))
  }

  @Test func fullDuplexCollectsTheBodyAndAnswersHeadersAndBodyTogether() {
    var machine = machine()
    #expect(machine.receive(headers()) == .receive)
    #expect(machine.receive(.requestBody(byteCount: 400, endOfStream: false)) == .receive)
    #expect(machine.isAwaitingDecision)
    #expect(machine.receive(.requestBody(byteCount: 0, endOfStream: true)) == .route(.whole))
    #expect(machine.routed(.success(())) == .reply(.decision(.headersWithBody(endOfStream: true)), then: .receive))
    #expect(!machine.isAwaitingDecision)
    #expect(
      machine.receive(.responseHeaders(endOfStream: false, configuration: nil))
        == .reply(.responseHeaders, then: .receive))
    #expect(
      machine.receive(.responseBody(endOfStream: false))
        == .reply(.responseBody(echo: true, endOfStream: false), then: .receive))
    #expect(
      machine.receive(.responseBody(endOfStream: true))
        == .reply(.responseBody(echo: true, endOfStream: true), then: .close))
    #expect(machine.isResponseComplete)
  }

  @Test func anAbsentConfigurationMeansFullDuplex() {
    var machine = machine()
    #expect(
      machine.receive(.requestHeaders(.init(endOfStream: false, configuration: nil, contentLength: nil))) == .receive)
    #expect(machine.receive(.requestBody(byteCount: 3, endOfStream: true)) == .route(.whole))
  }

  @Test(arguments: [BodyMode.none, .streamed, .buffered, .bufferedPartial, .fullDuplexStreamed])
  func aRequestWithoutABodyIsRoutedFromItsHeadersInEveryMode(mode: BodyMode) {
    var machine = machine()
    #expect(machine.receive(headers(mode, mode, endOfStream: true)) == .route(.none))
    #expect(machine.routed(.success(())) == .reply(.decision(.headers), then: .receive))
    #expect(
      machine.receive(.responseHeaders(endOfStream: true, configuration: nil)) == .reply(.responseHeaders, then: .close)
    )
  }

  @Test func requestTrailersEndTheBody() {
    var machine = machine()
    _ = machine.receive(headers())
    _ = machine.receive(.requestBody(byteCount: 10, endOfStream: false))
    #expect(machine.receive(.requestTrailers) == .route(.whole))
    #expect(machine.routed(.success(())) == .reply(.decision(.headersWithBody(endOfStream: false)), then: .receive))
  }

  @Test func responseTrailersEndTheAnswer() {
    var machine = machine()
    _ = machine.receive(headers(endOfStream: true))
    _ = machine.routed(.success(()))
    _ = machine.receive(.responseHeaders(endOfStream: false, configuration: nil))
    _ = machine.receive(.responseBody(endOfStream: false))
    #expect(machine.receive(.responseTrailers) == .reply(.responseTrailers, then: .close))
  }

  @Test func bufferedAnswersHeadersAtOnceAndDecidesWithTheBody() {
    var machine = machine()
    #expect(
      machine.receive(headers(.buffered, .none)) == .reply(.continueRequestHeaders, then: .receive))
    #expect(machine.isAwaitingDecision)
    #expect(machine.receive(.requestBody(byteCount: 10, endOfStream: true)) == .route(.whole))
    #expect(machine.routed(.success(())) == .reply(.decision(.body), then: .receive))
    #expect(
      machine.receive(.responseHeaders(endOfStream: false, configuration: nil))
        == .reply(.responseHeaders, then: .receive))
    #expect(machine.halfClosed() == .close(.ok))
  }

  @Test func trailersMayFollowABufferedBody() {
    var machine = machine()
    _ = machine.receive(headers(.buffered, .none))
    _ = machine.receive(.requestBody(byteCount: 10, endOfStream: false))
    _ = machine.routed(.success(()))
    #expect(machine.receive(.requestTrailers) == .reply(.requestTrailers, then: .receive))
  }

  @Test func aBodyThatABufferCutShortIsRoutedFromItsBeginning() {
    var machine = machine()
    _ = machine.receive(headers(.bufferedPartial, .none))
    #expect(machine.receive(.requestBody(byteCount: 10, endOfStream: false)) == .route(.beginning))
  }

  @Test func streamedModeIsDecidedFromHeadersAndChunksAreLeftAlone() {
    var machine = machine()
    #expect(machine.receive(headers(.streamed, .streamed)) == .route(.none))
    #expect(machine.bodiesComeTooLate)
    #expect(machine.routed(.success(())) == .reply(.decision(.headers), then: .receive))
    #expect(
      machine.receive(.requestBody(byteCount: 5000, endOfStream: false))
        == .reply(.requestBody(echo: false, endOfStream: false), then: .receive))
    // An engine may answer before the request has ended.
    #expect(
      machine.receive(.responseHeaders(endOfStream: false, configuration: nil))
        == .reply(.responseHeaders, then: .receive))
    #expect(
      machine.receive(.requestBody(byteCount: 1, endOfStream: true))
        == .reply(.requestBody(echo: false, endOfStream: true), then: .receive))
    #expect(
      machine.receive(.responseBody(endOfStream: true))
        == .reply(.responseBody(echo: false, endOfStream: true), then: .close))
  }

  @Test func aBodyAgainstTheConfigurationIsTreatedAsFullDuplex() {
    var machine = machine()
    #expect(machine.receive(headers(.none, .none)) == .route(.none))
    _ = machine.routed(.success(()))
    #expect(
      machine.receive(.requestBody(byteCount: 5, endOfStream: true))
        == .reply(.requestBody(echo: true, endOfStream: true), then: .receive))
    _ = machine.receive(.responseHeaders(endOfStream: false, configuration: nil))
    #expect(
      machine.receive(.responseBody(endOfStream: true))
        == .reply(.responseBody(echo: true, endOfStream: true), then: .close))
  }

  @Test func aStreamMayBeginWithTheAnswer() {
    var machine = machine()
    let configuration = ProtocolConfiguration(requestBody: .none, responseBody: .streamed)
    #expect(
      machine.receive(.responseHeaders(endOfStream: false, configuration: configuration))
        == .reply(.responseHeaders, then: .receive))
    #expect(
      machine.receive(.responseBody(endOfStream: true))
        == .reply(.responseBody(echo: false, endOfStream: true), then: .close))
  }

  @Test func aLocalReplyWhileTheBodyIsComingIsPassedOn() {
    var machine = machine()
    _ = machine.receive(headers())
    _ = machine.receive(.requestBody(byteCount: 10, endOfStream: false))
    #expect(
      machine.receive(.responseHeaders(endOfStream: false, configuration: nil))
        == .reply(.responseHeaders, then: .receive))
    #expect(!machine.isAwaitingDecision)
  }

  @Test func anAnswerThatIsNotWantedEndsTheStreamWithTheRequest() {
    var machine = machine(seesResponse: false)
    _ = machine.receive(headers())
    _ = machine.receive(.requestBody(byteCount: 10, endOfStream: true))
    #expect(machine.routed(.success(())) == .reply(.decision(.headersWithBody(endOfStream: true)), then: .close))
    #expect(machine.receive(.responseTrailers) == .close(.ok))
  }

  @Test func aStreamedRequestEndsAStreamOnlyWithItsLastChunk() {
    var machine = machine(seesResponse: false)
    _ = machine.receive(headers(.streamed, .none))
    #expect(machine.routed(.success(())) == .reply(.decision(.headers), then: .receive))
    #expect(
      machine.receive(.requestBody(byteCount: 1, endOfStream: true))
        == .reply(.requestBody(echo: false, endOfStream: true), then: .close))
  }

  @Test func aBodyOverTheLimitIsRefusedAtTheLimit() {
    var machine = machine()
    _ = machine.receive(headers())
    #expect(machine.receive(.requestBody(byteCount: 1000, endOfStream: false)) == .receive)
    guard
      case .reply(.immediate(let rejection), then: .close) = machine.receive(
        .requestBody(byteCount: 1, endOfStream: false))
    else {
      Issue.record("the byte over the limit has to be refused")
      return
    }
    #expect(rejection.status == .contentTooLarge)
    #expect(machine.receive(.requestBody(byteCount: 1, endOfStream: true)) == .close(.ok))
  }

  @Test(arguments: [BodyMode.buffered, .fullDuplexStreamed])
  func aDeclaredLengthOverTheLimitIsRefusedBeforeTheBodyComes(mode: BodyMode) {
    var machine = machine()
    guard case .reply(.immediate(let rejection), then: .close) = machine.receive(headers(mode, contentLength: 1001))
    else {
      Issue.record("1001 declared bytes are over the limit of 1000")
      return
    }
    #expect(rejection.status == .contentTooLarge)
  }

  @Test func byteCountsThatOverflowAreRefused() {
    var machine = machine()
    _ = machine.receive(headers())
    _ = machine.receive(.requestBody(byteCount: 1, endOfStream: false))
    guard case .reply(.immediate, then: .close) = machine.receive(.requestBody(byteCount: .max, endOfStream: false))
    else {
      Issue.record("a sum past Int.max has to be refused")
      return
    }
  }

  @Test func aRejectedRouteIsAnsweredAndEndsTheStream() {
    var machine = machine()
    _ = machine.receive(headers(endOfStream: true))
    let rejection = Rejection(.serviceUnavailable, "no endpoint", reason: .noEndpoints)
    #expect(machine.routed(.failure(rejection)) == .reply(.immediate(rejection), then: .close))
    #expect(machine.receive(.responseHeaders(endOfStream: true, configuration: nil)) == .close(.ok))
  }

  @Test func anInterruptionAnswersOnlyARequestThatWaits() {
    let rejection = Rejection(.serviceUnavailable, "late", reason: .deadline)
    var waiting = machine()
    _ = waiting.receive(headers())
    #expect(waiting.interrupt(rejection) == .reply(.immediate(rejection), then: .close))
    #expect(waiting.interrupt(rejection) == .receive)

    var decided = machine()
    _ = decided.receive(headers(endOfStream: true))
    _ = decided.routed(.success(()))
    #expect(decided.interrupt(rejection) == .receive)
  }

  @Test(arguments: [
    [GatewayMessage.requestBody(byteCount: 1, endOfStream: true)],
    [.requestTrailers],
    [.responseBody(endOfStream: true)],
    [.responseTrailers],
    [
      .requestHeaders(.init(endOfStream: false, configuration: nil, contentLength: nil)),
      .requestHeaders(.init(endOfStream: false, configuration: nil, contentLength: nil)),
    ],
    [
      .requestHeaders(.init(endOfStream: false, configuration: nil, contentLength: nil)),
      .responseBody(endOfStream: false),
    ],
    [
      .responseHeaders(endOfStream: false, configuration: nil),
      .responseHeaders(endOfStream: false, configuration: nil),
    ],
    [
      .responseHeaders(endOfStream: false, configuration: nil),
      .requestHeaders(.init(endOfStream: true, configuration: nil, contentLength: nil)),
    ],
  ])
  func messagesOutOfOrderAreRefused(messages: [GatewayMessage]) {
    var machine = machine()
    var last = StreamAction.receive
    for message in messages { last = machine.receive(message) }
    guard last.isRefusal else {
      Issue.record("\(messages) ended with \(last)")
      return
    }
  }

  @Test func bodyAndTrailersAfterTheEndAreRefused() {
    for message in [GatewayMessage.requestBody(byteCount: 1, endOfStream: true), .requestTrailers] {
      var machine = machine()
      _ = machine.receive(headers())
      _ = machine.receive(.requestBody(byteCount: 1, endOfStream: true))
      _ = machine.routed(.success(()))
      #expect(machine.receive(message).isRefusal)
    }
    var machine = machine()
    _ = machine.receive(headers(.streamed, .streamed))
    _ = machine.routed(.success(()))
    _ = machine.receive(.responseHeaders(endOfStream: true, configuration: nil))
    #expect(machine.receive(.responseBody(endOfStream: true)) != .receive)
  }

  @Test func aClientThatEndsEarlyEndsTheStream() {
    for count in 0...3 {
      var machine = machine()
      let script: [GatewayMessage] = [
        headers(), .requestBody(byteCount: 1, endOfStream: false), .requestBody(byteCount: 1, endOfStream: false),
      ]
      for message in script.prefix(count) { _ = machine.receive(message) }
      #expect(machine.halfClosed() == .close(.ok))
      #expect(!machine.isAwaitingDecision)
    }
  }

  /// Any order of messages leads to an action, never a trap, and a closed machine stays closed.
  @Test func randomOrdersNeverTrap() {
    var generator = SeededGenerator(seed: 42)
    for _ in 0..<20_000 {
      var machine = machine(seesResponse: Bool.random(using: &generator))
      var isClosed = false
      for _ in 0..<12 {
        var action: StreamAction
        switch Int.random(in: 0..<8, using: &generator) {
        case 0:
          let modes = BodyMode.allCases
          action = machine.receive(
            headers(
              modes[Int.random(in: 0..<modes.count, using: &generator)],
              modes[Int.random(in: 0..<modes.count, using: &generator)],
              endOfStream: Bool.random(using: &generator)))
        case 1, 2:
          action = machine.receive(
            .requestBody(
              byteCount: Int.random(in: 0..<600, using: &generator), endOfStream: Bool.random(using: &generator)))
        case 3: action = machine.receive(.requestTrailers)
        case 4:
          action = machine.receive(
            .responseHeaders(endOfStream: Bool.random(using: &generator), configuration: nil))
        case 5: action = machine.receive(.responseBody(endOfStream: Bool.random(using: &generator)))
        case 6: action = machine.receive(.responseTrailers)
        default: action = machine.interrupt(Rejection(.serviceUnavailable, "late"))
        }
        if case .route = action {
          action = machine.routed(Bool.random(using: &generator) ? .success(()) : .failure(Rejection(.badRequest, "x")))
        }
        if isClosed { #expect(action == .close(.ok) || action == .receive) }
        switch action {
        case .close, .reply(_, then: .close): isClosed = true
        default: break
        }
      }
    }
  }
}

extension StreamAction {
  fileprivate var isRefusal: Bool {
    if case .close(.invalidArgument) = self { true } else { false }
  }
}
