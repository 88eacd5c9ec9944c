package import EPPCore
package import EPPExtProc

/// Plays Envoy for one HTTP exchange: sends messages over a transport in memory, and applies what the picker says by Envoy's rules.
/// What Envoy would not accept is noted in `violations`.
package final class InProcessGateway {
  /// What reaches the engine, or the client.
  package struct Outcome {
    package var setHeaders: [String: String] = [:]
    package var removedHeaders: [String] = []
    package var body: [UInt8] = []
    package var isComplete = false
    package var decision: RoutingDecision?
    /// The answer for the client, which ends the exchange.
    package var immediate: ImmediateAnswer?

    package var destination: String? { decision?.destination }
  }

  /// A run of bytes is at most so large: gateways accept 64 KiB at least.
  private static let largestPiece = 64 << 10

  package let stream: InProcessStream
  private let requestMode: BodyMode
  private let responseMode: BodyMode
  private let announcesModes: Bool
  package private(set) var request = Outcome()
  package private(set) var response = Outcome()
  private var requestHeadersAnswered = false
  private var requestTrailersDue = false
  private var responseHeadersAnswered = false
  private var responseTrailersDue = false
  /// Chunks whose answers are due, in the modes in which the gateway keeps them.
  private var keptRequestChunks: [[UInt8]] = []
  private var keptResponseChunks: [[UInt8]] = []
  private var ownViolations: [String] = []

  /// - Parameters:
  ///   - sliceBytes: bytes of a message that stand in one piece of memory.
  ///   - announcesModes: whether the first message says how bodies are sent.
  ///   - metadata: what is sent with the stream.
  package init(
    _ picker: InProcessPicker, request: BodyMode = .fullDuplexStreamed, response: BodyMode = .fullDuplexStreamed,
    sliceBytes: Int = .max, announcesModes: Bool = true, metadata: [String: String] = [:]
  ) {
    stream = InProcessStream(picker, sliceBytes: sliceBytes, metadata: metadata)
    requestMode = request
    responseMode = response
    self.announcesModes = announcesModes
  }

  /// What Envoy would not have accepted so far.
  package var violations: [String] { ownViolations + stream.violations }
  /// The dynamic metadata that came with replies.
  package var attributes: [ReportedAttribute] { stream.attributes }

  // MARK: - Sending

  /// The request's headers.
  package func sendRequestHeaders(
    _ headers: [(String, String)] = [], endOfStream: Bool = false, subset: SubsetHint? = nil, source: String? = nil
  ) {
    var head = RequestHead()
    let method = headers.contains { $0.0 == ":method" } ? [] : [(":method", "POST")]
    let path = headers.contains { $0.0 == ":path" } ? [] : [(":path", "/v1/completions")]
    for (name, value) in method + path + headers { head.headers.append(name: name, value: value) }
    head.endOfStream = endOfStream
    head.sourceAddress = source
    if announcesModes {
      head.configuration = ProtocolConfiguration(requestBody: requestMode, responseBody: responseMode)
    }
    if endOfStream { request.isComplete = true }
    stream.send(.requestHeaders(head), GatewayMetadata(subset: subset))
    read()
  }

  package func sendRequestChunk(_ bytes: [UInt8], endOfStream: Bool) {
    if requestMode != .fullDuplexStreamed { keptRequestChunks.append(bytes) }
    stream.sendBody(.request, bytes, endOfStream: endOfStream)
    read()
  }

  package func sendRequestTrailers() {
    requestTrailersDue = true
    stream.send(.requestTrailers)
    read()
  }

  package func sendResponseHeaders(
    status: Int = 200, type: String = "application/json", endOfStream: Bool = false, isEncoded: Bool = false,
    served: String? = nil
  ) {
    var head = ResponseHead()
    head.status = status
    head.isEventStream = type.hasPrefix("text/event-stream")
    head.isJSON = type.hasPrefix("application/json")
    head.isEncoded = isEncoded
    head.endOfStream = endOfStream
    if endOfStream { response.isComplete = true }
    stream.send(.responseHeaders(head), GatewayMetadata(served: served))
    read()
  }

  package func sendResponseChunk(_ bytes: [UInt8], endOfStream: Bool) {
    if responseMode != .fullDuplexStreamed { keptResponseChunks.append(bytes) }
    stream.sendBody(.response, bytes, endOfStream: endOfStream)
    read()
  }

  package func sendResponseTrailers() {
    responseTrailersDue = true
    stream.send(.responseTrailers)
    read()
  }

  /// A whole request with a body in these chunks; in the modes that buffer they are one message, and in those that keep bodies to
  /// the gateway none.
  @discardableResult
  package func send(
    _ chunks: [[UInt8]], headers: [(String, String)] = [], trailers: Bool = false, subset: SubsetHint? = nil
  ) -> Outcome {
    sendRequestHeaders(headers, subset: subset)
    let bodies =
      switch requestMode {
      case .none: [[UInt8]]()
      case .buffered, .bufferedPartial: [Array(chunks.joined())]
      case .streamed, .fullDuplexStreamed: chunks
      }
    if requestMode == .none {
      request.body = Array(chunks.joined())
      request.isComplete = true
    }
    for (number, chunk) in bodies.enumerated() where request.immediate == nil {
      sendRequestChunk(chunk, endOfStream: number == bodies.count - 1 && !trailers)
    }
    if trailers, request.immediate == nil { sendRequestTrailers() }
    return request
  }

  /// A whole answer in these chunks.
  @discardableResult
  package func respond(
    _ chunks: [[UInt8]], status: Int = 200, type: String = "application/json", trailers: Bool = false,
    served: String? = nil
  ) -> Outcome {
    let hasBody = !chunks.isEmpty || trailers
    sendResponseHeaders(status: status, type: type, endOfStream: !hasBody, served: served)
    if responseMode == .none {
      response.body = Array(chunks.joined())
      response.isComplete = true
    } else {
      for (number, chunk) in chunks.enumerated() {
        sendResponseChunk(chunk, endOfStream: number == chunks.count - 1 && !trailers)
      }
      if trailers { sendResponseTrailers() }
    }
    return response
  }

  /// The client has gone, or the exchange is over and the picker has not ended the stream: Envoy ends it.
  package func cancel() { stream.end() }

  /// Takes in what the picker has said meanwhile: after the clock was moved, or a wait has ended.
  package func read() {
    for message in stream.takeSent() { apply(message) }
  }

  // MARK: - What the picker says

  private func apply(_ message: InProcessStream.Sent) {
    guard request.immediate == nil else { return violate("\(message) after an immediate answer") }
    switch message {
    case .headers(.request, let decision, _, let removed):
      answerRequestHeaders(decision, removed)
    case .headers(.response, _, let set, let removed):
      if responseHeadersAnswered { violate("response headers answered twice") }
      responseHeadersAnswered = true
      for field in set { response.setHeaders[field.name] = field.value }
      response.removedHeaders += removed
    case .body(let direction, let decision, let replacement):
      keptBody(direction, decision, replacement)
    case .streamedBody(let direction, let bytes, let endOfStream):
      streamedBody(direction, bytes, endOfStream)
    case .trailers(.request):
      if !requestTrailersDue { violate("request trailers where none were sent") }
      requestTrailersDue = false
      request.isComplete = true
    case .trailers(.response):
      if !responseTrailersDue { violate("response trailers where none were sent") }
      responseTrailersDue = false
      response.isComplete = true
    case .immediate(let answer):
      request.immediate = answer
    }
  }

  private func answerRequestHeaders(_ decision: RoutingDecision?, _ removed: [String]) {
    if requestHeadersAnswered { violate("request headers answered twice") }
    requestHeadersAnswered = true
    request.removedHeaders += removed
    note(decision)
  }

  private func note(_ decision: RoutingDecision?) {
    guard let decision else { return }
    if request.decision != nil { violate("decided twice") }
    request.decision = decision
    for field in decision.setHeaders { request.setHeaders[field.name] = field.value }
    request.removedHeaders += decision.removedHeaders
  }

  private func keptBody(_ direction: MessageDirection, _ decision: RoutingDecision?, _ replacement: [UInt8]?) {
    switch direction {
    case .request:
      if requestMode == .fullDuplexStreamed { violate("a body answer where a streamed one is due") }
      guard !keptRequestChunks.isEmpty else { return violate("a body answer without a body") }
      let chunk = keptRequestChunks.removeFirst()
      request.body += replacement ?? chunk
      if let length = request.setHeaders["content-length"], replacement == nil, Int(length) != chunk.count {
        violate("a length of other bytes")
      }
      note(decision)
      request.isComplete = keptRequestChunks.isEmpty && !requestTrailersDue
    case .response:
      if responseMode == .fullDuplexStreamed { violate("a body answer where a streamed one is due") }
      guard !keptResponseChunks.isEmpty else { return violate("a body answer without a body") }
      response.body += replacement ?? keptResponseChunks.removeFirst()
      if replacement != nil { keptResponseChunks.removeFirst() }
      response.isComplete = keptResponseChunks.isEmpty
    }
  }

  private func streamedBody(_ direction: MessageDirection, _ bytes: [UInt8], _ endOfStream: Bool) {
    if bytes.count > Self.largestPiece { violate("a piece of \(bytes.count) bytes") }
    switch direction {
    case .request:
      if requestMode != .fullDuplexStreamed { violate("a streamed body in \(requestMode)") }
      if !requestHeadersAnswered { violate("a body before the headers") }
      if request.isComplete { violate("a body piece after the end") }
      request.body += bytes
      request.isComplete = endOfStream
      if endOfStream, requestTrailersDue { violate("end_of_stream on the body though trailers follow") }
    case .response:
      if responseMode != .fullDuplexStreamed { violate("a streamed body in \(responseMode)") }
      if !responseHeadersAnswered { violate("a body before the headers") }
      if response.isComplete { violate("a body piece after the end") }
      response.body += bytes
      response.isComplete = endOfStream
    }
  }

  private func violate(_ what: String) { ownViolations.append(what) }
}
