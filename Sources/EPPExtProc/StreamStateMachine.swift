package import EPPCore
import EPPRouting

/// The limits of one stream.
package struct StreamLimits: Sendable, Equatable {
  /// Bytes of one request body at most; a client that exceeds it gets status 413.
  package var maximumRequestBodyBytes: Int

  package init(maximumRequestBodyBytes: Int) { self.maximumRequestBodyBytes = maximumRequestBodyBytes }
}

/// The ext_proc protocol for one stream, which is one HTTP request: for each message it returns an action. A value without I/O.
///
/// After the decision the states of request and response are independent, because an engine may answer before the request has
/// ended. Replies keep the order that Envoy demands in each direction: headers, body, trailers.
package struct StreamStateMachine: Sendable {
  /// The state of the request.
  private enum RequestPhase: Equatable {
    /// Nothing has come.
    case idle
    /// The body is being collected, before the decision. `headersAnswered` is true in the buffered modes.
    case collecting(byteCount: Int, headersAnswered: Bool)
    /// The owner is choosing an endpoint; the reply follows.
    case routing(DecisionPlace)
    /// The decision was sent; further body chunks are passed on.
    case passing
    /// The request has ended, or the gateway does not send it.
    case complete
  }

  /// The state of the response.
  private enum ResponsePhase: Equatable {
    case idle
    case streaming
    case complete
  }

  private var request = RequestPhase.idle
  private var response = ResponsePhase.idle
  private var configuration = ProtocolConfiguration.fullDuplex
  private var isClosed = false
  /// Whether the request ends with its headers.
  private var requestEndsWithHeaders = false
  private let limits: StreamLimits
  /// Whether the stream goes on until the end of the response.
  package private(set) var seesResponse: Bool

  package init(limits: StreamLimits, seesResponse: Bool) {
    self.limits = limits
    self.seesResponse = seesResponse
  }

  /// Whether the stream is open and neither decision nor response has come: the time in which the deadline applies.
  package var isAwaitingDecision: Bool {
    switch request {
    case .idle, .collecting, .routing: response == .idle && !isClosed
    case .passing, .complete: false
    }
  }

  /// Whether the gateway sends request bodies only after the decision, or not at all.
  package var bodiesComeTooLate: Bool {
    configuration.requestBody == .none || configuration.requestBody == .streamed
  }

  /// How the gateway sends response bodies.
  package var responseBodyMode: BodyMode { configuration.responseBody }

  /// Whether the end of the response has come.
  package var isResponseComplete: Bool { response == .complete }

  /// Handles a message of the gateway.
  package mutating func receive(_ message: GatewayMessage) -> StreamAction {
    if isClosed { return .close(.ok) }
    switch message {
    case .requestHeaders(let headers):
      return requestHeaders(headers)
    case .requestBody(let byteCount, let endOfStream):
      return requestBody(byteCount: byteCount, endOfStream: endOfStream)
    case .requestTrailers:
      return requestTrailers()
    case .responseHeaders(let endOfStream, let configuration):
      return responseHeaders(endOfStream: endOfStream, configuration: configuration)
    case .responseBody(let endOfStream):
      return responseBody(endOfStream: endOfStream)
    case .responseTrailers:
      return responseTrailers()
    }
  }

  /// Handles the result of the owner's routing, after `StreamAction.route`.
  ///
  /// - Parameters:
  ///   - result: Success, or why no endpoint was chosen.
  ///   - needsResponse: Whether the response has to be changed; sets `seesResponse`.
  package mutating func routed(_ result: Result<Void, Rejection>, needsResponse: Bool = false) -> StreamAction {
    guard case .routing(let place) = request else { return .close(.ok) }
    if needsResponse { seesResponse = true }
    switch result {
    case .failure(let rejection):
      return reject(rejection)
    case .success:
      switch place {
      case .headersWithBody, .body: request = .complete
      case .headers: request = requestEndsWithHeaders ? .complete : .passing
      }
      return conclude(.decision(place))
    }
  }

  /// Rejects the request because the owner cannot keep more bytes, or because the deadline has passed: the client gets a
  /// response and the stream ends. Returns `.receive`, and changes nothing, after the decision.
  package mutating func interrupt(_ rejection: Rejection) -> StreamAction {
    guard isAwaitingDecision else { return .receive }
    return reject(rejection)
  }

  /// Handles the end of the gateway's messages.
  package mutating func halfClosed() -> StreamAction {
    isClosed = true
    return .close(.ok)
  }

  // MARK: - The request

  private mutating func requestHeaders(_ headers: GatewayMessage.Headers) -> StreamAction {
    guard request == .idle, response == .idle else { return refuse("request_headers came twice or too late") }
    if let announced = headers.configuration { configuration = announced }
    requestEndsWithHeaders = headers.endOfStream
    if headers.endOfStream || headers.announcesNoBody || bodiesComeTooLate {
      // Headers go on before a body comes, so this is the last moment to decide; and where none comes nothing is waited for.
      request = .routing(.headers)
      return .route(.none)
    }
    if let length = headers.contentLength, exceedsLimit(length) { return reject(tooLarge) }
    guard configuration.requestBody == .fullDuplexStreamed else {
      // The gateway sends the body only when the headers are answered.
      request = .collecting(byteCount: 0, headersAnswered: true)
      return .reply(.continueRequestHeaders, then: .receive)
    }
    request = .collecting(byteCount: 0, headersAnswered: false)
    return .receive
  }

  private mutating func requestBody(byteCount: Int, endOfStream: Bool) -> StreamAction {
    switch request {
    case .idle:
      return refuse("request_body came before request_headers")
    case .routing:
      return refuse("request_body came before the last message was answered")
    case .collecting(let before, let headersAnswered):
      let (total, overflow) = before.addingReportingOverflow(byteCount)
      if overflow || exceedsLimit(total) { return reject(tooLarge) }
      if headersAnswered {
        // One message holds all that will come, also when BUFFERED_PARTIAL cut it short.
        let isWhole = endOfStream || configuration.requestBody == .buffered
        request = .routing(.body)
        return .route(isWhole ? .whole : .beginning)
      }
      guard endOfStream else {
        request = .collecting(byteCount: total, headersAnswered: false)
        return .receive
      }
      request = .routing(.headersWithBody(endOfStream: true))
      return .route(.whole)
    case .passing:
      // A body in a mode that has none contradicts the configuration, and then full duplex is meant.
      let echo = configuration.requestBody == .none || configuration.requestBody == .fullDuplexStreamed
      if endOfStream { request = .complete }
      return conclude(.requestBody(echo: echo, endOfStream: endOfStream))
    case .complete:
      return refuse("request_body came after the end of the request")
    }
  }

  private mutating func requestTrailers() -> StreamAction {
    switch request {
    case .idle:
      return refuse("request_trailers came before request_headers")
    case .routing:
      return refuse("request_trailers came before the last message was answered")
    case .collecting(_, headersAnswered: true):
      return refuse("request_trailers came before the buffered request_body")
    case .collecting(_, headersAnswered: false):
      // No body message has the end of the stream then: the trailers are it.
      request = .routing(.headersWithBody(endOfStream: false))
      return .route(.whole)
    case .passing:
      request = .complete
      return conclude(.requestTrailers)
    case .complete:
      // Buffered modes: the body was complete with its one message, and trailers may still follow.
      guard configuration.requestBody == .buffered || configuration.requestBody == .bufferedPartial else {
        return refuse("request_trailers came after the end of the request")
      }
      return conclude(.requestTrailers)
    }
  }

  // MARK: - The answer

  private mutating func responseHeaders(
    endOfStream: Bool, configuration announced: ProtocolConfiguration?
  ) -> StreamAction {
    guard response == .idle else { return refuse("response_headers came twice") }
    switch request {
    case .idle:
      // The gateway's mode skips the request: nothing was decided here, the answer is passed on as it is.
      if let announced { configuration = announced }
      request = .complete
    case .collecting, .routing:
      // A local reply of the gateway, such as a refusal by another filter, while the request was still coming.
      request = .complete
    case .passing, .complete:
      break
    }
    response = endOfStream ? .complete : .streaming
    if endOfStream { request = .complete }
    return conclude(.responseHeaders)
  }

  private mutating func responseBody(endOfStream: Bool) -> StreamAction {
    guard response == .streaming else {
      return refuse(
        response == .idle
          ? "response_body came before response_headers" : "response_body came after the end of the response")
    }
    if endOfStream { endResponse() }
    let echo = configuration.responseBody == .none || configuration.responseBody == .fullDuplexStreamed
    return conclude(.responseBody(echo: echo, endOfStream: endOfStream))
  }

  private mutating func responseTrailers() -> StreamAction {
    guard response == .streaming else {
      return refuse(
        response == .idle
          ? "response_trailers came before response_headers" : "response_trailers came after the end of the response")
    }
    endResponse()
    return conclude(.responseTrailers)
  }

  /// Ends response and request: after the end of the response the rest of the request has no effect.
  private mutating func endResponse() {
    response = .complete
    request = .complete
  }

  // MARK: - Both

  private mutating func reject(_ rejection: Rejection) -> StreamAction {
    isClosed = true
    return .reply(.immediate(rejection), then: .close)
  }

  private mutating func refuse(_ reason: String) -> StreamAction {
    isClosed = true
    return .close(.invalidArgument(reason))
  }

  /// Returns a reply, which ends the stream when nothing more is expected: after the last message of the request when the
  /// response is not to be seen, else after the last message of the response. The status is sent in the batch of the last
  /// message; Envoy then goes on without the picker. In tests, exchanges failed when the status had a batch of its own.
  private mutating func conclude(_ reply: Reply) -> StreamAction {
    let isOver =
      request == .complete && (response == .complete || (!seesResponse && response == .idle))
    if isOver { isClosed = true }
    return .reply(reply, then: isOver ? .close : .receive)
  }

  private func exceedsLimit(_ byteCount: Int) -> Bool { byteCount > limits.maximumRequestBodyBytes }

  private var tooLarge: Rejection {
    Rejection(
      .contentTooLarge, "the request body is larger than the limit of \(limits.maximumRequestBodyBytes) bytes")
  }
}
