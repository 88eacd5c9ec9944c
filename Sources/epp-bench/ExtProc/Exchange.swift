/// The ext_proc exchange of one request, as Envoy performs it in FULL_DUPLEX_STREAMED: it sends the request at once and the
/// response after the request is routed, then half-closes the stream and waits for the status. Without answers
/// (`response_body_mode: NONE`) it sends only the headers of the response.
///
/// A value without I/O: for each message of the server it returns the next step, which the owner performs.
struct Exchange {
  /// When the next response chunk is sent.
  enum Pacing {
    /// After the previous chunk has come back, like events of an engine with long pauses.
    case lockstep
    /// All chunks at once, like a fast engine behind a slow proxy.
    case burst
    /// At times that the owner chooses.
    case timed
  }

  /// The next step of the owner.
  enum Step: Equatable {
    /// Wait for the next message.
    case wait
    /// Send the response headers, and as many chunks as the pacing allows.
    case startResponse
    /// Send the next response chunk.
    case sendChunk
    /// Half-close the stream.
    case halfClose
    /// End the exchange as failed.
    case fail(ExchangeFailure)
  }

  /// The result of an exchange that has ended.
  enum Outcome: Equatable {
    /// The exchange has reached its regular end.
    case completed
    /// The server ended the stream with OK before the end of the response; Envoy then goes on without the server.
    case leftEarly
    /// The exchange has failed.
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

  /// Whether the request was routed, so that its response can be sent.
  var isRouted: Bool {
    switch phase {
    case .response, .closing: true
    case .request, .failed: false
    }
  }

  /// Records response body bytes that the owner has queued.
  mutating func sentResponse(bytes: Int, isLast: Bool) {
    responseSent += bytes
    hasSentResponseEnd = isLast
  }

  /// Handles a message of the server, and returns the next step.
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

  /// Records a failure that the owner has detected.
  mutating func fail(_ failure: ExchangeFailure) { phase = .failed(failure) }

  /// Returns the outcome of the exchange for the end of its stream.
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
