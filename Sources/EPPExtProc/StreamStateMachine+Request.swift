import EPPCore

/// The request's direction.
extension StreamStateMachine {
  mutating func requestHeaders(
    endOfStream: Bool, configuration announced: ProtocolConfiguration?, contentLength: Int?
  ) -> StreamAction {
    guard request == .idle, response == .idle else { return refuse("request_headers came twice or too late") }
    if let announced { configuration = announced }
    requestEndsWithHeaders = endOfStream
    if endOfStream {
      request = .routing(.routeInHeaders)
      return .route(.headers)
    }
    switch configuration.requestBody {
    case .none, .streamed:
      // Headers go on before the body comes, so this is the last moment to decide.
      request = .routing(.routeInHeaders)
      return .route(.headers)
    case .buffered, .bufferedPartial:
      if let contentLength, exceedsLimit(contentLength) { return reject(tooLarge) }
      // The gateway sends the body only when the headers are answered.
      request = .collecting(byteCount: 0, headersAnswered: true)
      return .reply(.continueRequestHeaders, then: .receive)
    case .fullDuplexStreamed:
      if let contentLength, exceedsLimit(contentLength) { return reject(tooLarge) }
      request = .collecting(byteCount: 0, headersAnswered: false)
      return .receive
    }
  }

  mutating func requestBody(byteCount: Int, endOfStream: Bool) -> StreamAction {
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
        request = .routing(.routeInBody)
        return .route(isWhole ? .body : .partialBody)
      }
      guard endOfStream else {
        request = .collecting(byteCount: total, headersAnswered: false)
        return .receive
      }
      request = .routing(.routeWithBody(endOfStream: true))
      return .route(.body)
    case .passing:
      // A body in a mode that has none contradicts the configuration, and then full duplex is meant.
      let echo = configuration.requestBody == .none || configuration.requestBody == .fullDuplexStreamed
      if endOfStream { request = .complete }
      return conclude(.requestBody(echo: echo, endOfStream: endOfStream))
    case .complete:
      return refuse("request_body came after the end of the request")
    }
  }

  mutating func requestTrailers() -> StreamAction {
    switch request {
    case .idle:
      return refuse("request_trailers came before request_headers")
    case .routing:
      return refuse("request_trailers came before the last message was answered")
    case .collecting(_, headersAnswered: true):
      return refuse("request_trailers came before the buffered request_body")
    case .collecting(_, headersAnswered: false):
      // No body message has the end of the stream then: the trailers are it.
      request = .routing(.routeWithBody(endOfStream: false))
      return .route(.body)
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
}
