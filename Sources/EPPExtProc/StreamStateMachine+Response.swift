import EPPCore

/// The answer's direction.
extension StreamStateMachine {
  mutating func responseHeaders(endOfStream: Bool, configuration announced: ProtocolConfiguration?) -> StreamAction {
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

  mutating func responseBody(endOfStream: Bool) -> StreamAction {
    guard response == .streaming else {
      return refuse(
        response == .idle
          ? "response_body came before response_headers" : "response_body came after the end of the response")
    }
    if endOfStream { endResponse() }
    let echo = configuration.responseBody == .none || configuration.responseBody == .fullDuplexStreamed
    return conclude(.responseBody(echo: echo, endOfStream: endOfStream))
  }

  mutating func responseTrailers() -> StreamAction {
    guard response == .streaming else {
      return refuse(
        response == .idle
          ? "response_trailers came before response_headers" : "response_trailers came after the end of the response")
    }
    endResponse()
    return conclude(.responseTrailers)
  }

  /// The answer is over, so what may still come of the request changes nothing.
  private mutating func endResponse() {
    response = .complete
    request = .complete
  }
}
