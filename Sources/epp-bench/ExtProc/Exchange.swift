/// One request as Envoy plays it in FULL_DUPLEX_STREAMED, seen from Envoy: the request goes out at once, the response
/// follows when the request is routed, then the stream is half-closed and the status awaited. Where answers are not shown
/// (`response_body_mode: NONE`), their headers are all that follows.
///
/// A value: events in, the next thing to do out. The owner does the sending.
struct Exchange {
  /// When the next response chunk goes out.
  enum Pacing {
    /// After the previous chunk has come back, as an engine's events that are far apart.
    case lockstep
    /// All at once, as a client sees a fast engine through a slow proxy.
    case burst
    /// When the owner's clock says so.
    case timed
  }

  enum Step: Equatable {
    case wait
    /// Response headers, and as many chunks as the pacing allows.
    case startResponse
    case sendChunk
    case halfClose
    case fail(ExchangeFailure)
  }

  /// The result of an exchange that has ended.
  enum Outcome: Equatable {
    case completed
    /// The server left the stream with OK before the response ended, which Envoy takes as "go on without me".
    case leftEarly
    case failed(ExchangeFailure)
  }

  private enum Phase { case request, response, closing, failed(ExchangeFailure) }

  private var phase = Phase.request
  private let pacing: Pacing
  private let requestBytes: Int
  private let showsAnswers: Bool
  private var hasRequestHeaders = false
  private var hasRequestEnd = false
  private var hasResponseHeaders = false
  /// Bytes of the request body that have come back.
  private(set) var requestEchoed = 0
  /// Bytes of the response body that have come back.
  private(set) var responseEchoed = 0
  private var responseSent = 0
  private var hasSentResponseEnd = false

  init(requestBytes: Int, pacing: Pacing, showsAnswers: Bool = true) {
    self.requestBytes = requestBytes
    self.showsAnswers = showsAnswers
    self.pacing = pacing
  }

  /// Whether the request was routed and its response may flow.
  var isRouted: Bool {
    switch phase {
    case .response, .closing: true
    case .request, .failed: false
    }
  }

  /// The owner has queued response body bytes.
  mutating func sentResponse(bytes: Int, isLast: Bool) {
    responseSent += bytes
    hasSentResponseEnd = isLast
  }

  /// Takes one message of the server.
  mutating func received(_ response: ProcessingResponse) -> Step {
    let step: Step =
      switch (phase, response.kind) {
      case (.failed, _): .wait
      case (_, .immediateResponse): .fail(.immediateResponse(response.immediateStatus))
      case (.request, .requestHeaders): receivedRequestHeaders(response)
      case (.request, .requestBody): receivedRequestBody(response)
      case (.response, .responseHeaders): receivedResponseHeaders()
      case (.response, .responseBody): receivedResponseBody(response)
      default: .fail(.unexpectedResponse)
      }
    switch step {
    case .startResponse: phase = .response
    case .halfClose: phase = .closing
    case .fail(let failure): phase = .failed(failure)
    case .wait, .sendChunk: break
    }
    return step
  }

  /// The owner found something wrong that this value cannot see.
  mutating func fail(_ failure: ExchangeFailure) { phase = .failed(failure) }

  /// What the exchange came to when its stream ended.
  func outcome(of end: GRPCStream.End) -> Outcome {
    switch (phase, end) {
    case (.failed(let failure), _): .failed(failure)
    case (.closing, .status(0)): .completed
    case (.response, .status(0)): .leftEarly
    case (_, .status(let status)): .failed(.grpcStatus(status))
    case (_, .reset(let code)): .failed(.reset(code))
    case (_, .connectionLost): .failed(.connectionLost)
    }
  }

  private mutating func receivedRequestHeaders(_ response: ProcessingResponse) -> Step {
    guard !hasRequestHeaders else { return .fail(.unexpectedResponse) }
    guard response.destination != nil else { return .fail(.noDestination) }
    hasRequestHeaders = true
    return routedIfComplete()
  }

  private mutating func receivedRequestBody(_ response: ProcessingResponse) -> Step {
    guard let body = response.streamedBody, !hasRequestEnd else { return .fail(.unexpectedResponse) }
    requestEchoed += body.count
    hasRequestEnd = response.endOfStream
    return routedIfComplete()
  }

  private func routedIfComplete() -> Step {
    guard hasRequestEnd, hasRequestHeaders else { return .wait }
    return requestEchoed == requestBytes ? .startResponse : .fail(.bodyChanged)
  }

  private mutating func receivedResponseHeaders() -> Step {
    guard !hasResponseHeaders else { return .fail(.unexpectedResponse) }
    hasResponseHeaders = true
    return showsAnswers ? .wait : .halfClose
  }

  private mutating func receivedResponseBody(_ response: ProcessingResponse) -> Step {
    guard let body = response.streamedBody, hasResponseHeaders else { return .fail(.unexpectedResponse) }
    responseEchoed += body.count
    if response.endOfStream {
      return hasSentResponseEnd && responseEchoed == responseSent ? .halfClose : .fail(.bodyChanged)
    }
    return pacing == .lockstep && !hasSentResponseEnd && responseEchoed == responseSent ? .sendChunk : .wait
  }
}
