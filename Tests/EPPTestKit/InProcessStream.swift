package import EPPCore
package import EPPExtProc
import Synchronization

/// An ext_proc stream in memory: a session with its transport. Messages wait until the session asks for them, as they do in gRPC.
package final class InProcessStream: DeadlineOwner {
  package var deadlinePosition: Int?
  /// A message of the picker, with its bytes in it.
  enum Sent {
    case headers(MessageDirection, RoutingDecision?, set: [RequestHeaders.Field], removed: [String])
    /// The answer to a body that the gateway keeps, and what takes its place.
    case body(MessageDirection, RoutingDecision?, replacement: [UInt8]?)
    case streamedBody(MessageDirection, [UInt8], endOfStream: Bool)
    case trailers(MessageDirection)
    case immediate(ImmediateAnswer)
  }

  private enum Incoming {
    case message(ReceivedMessage, GatewayMetadata?)
    case body(MessageDirection, [UInt8], endOfStream: Bool)
    case end
  }

  private let picker: InProcessPicker
  private var session: ExtProcSession
  private let sliceBytes: Int
  /// The bytes of the message at hand.
  private var message: [UInt8] = []
  private var body: [UInt8] = []
  private var reservation: BodyReservation?
  private var incoming: [Incoming] = []
  private var isReceiving = true
  /// The next message was asked for in one batch with a reply, so nothing can be sent before it has come.
  private var isBlocked = false
  private var isDelivering = false
  private var queue: [Sent] = []
  private var sent: [Sent] = []
  private let waker = Waker()
  /// How the picker has ended the stream; nil while it has not.
  package private(set) var status: StreamStatus?
  /// Whether anybody has ended it.
  package private(set) var isOver = false
  private(set) var violations: [String] = []
  /// The dynamic metadata that came with replies.
  private(set) var attributes: [ReportedAttribute] = []

  init(_ picker: InProcessPicker, sliceBytes: Int, metadata: [String: String]) {
    self.picker = picker
    self.sliceBytes = max(1, sliceBytes)
    session = picker.worker.makeSession(now: picker.clock.now) { metadata[$0] }
  }

  deinit { end() }

  // MARK: - The gateway's side

  func send(_ message: ReceivedMessage, _ metadata: GatewayMetadata? = nil) { push(.message(message, metadata)) }

  func sendBody(_ direction: MessageDirection, _ bytes: [UInt8], endOfStream: Bool) {
    push(.body(direction, bytes, endOfStream: endOfStream))
  }

  /// The gateway sends nothing more.
  package func halfClose() { push(.end) }

  /// The stream is over.
  package func end() {
    guard !isOver else { return }
    isOver = true
    session.closed(now: picker.clock.now, on: self)
  }

  /// The time that the session has set has come.
  package func deadlinePassed() {
    session.deadlinePassed(now: picker.clock.now, on: self)
    deliver()
  }

  /// Another thread has asked for the session's attention.
  package func deliverWakeUp() {
    guard waker.take(), !isOver else { return }
    session.woken(now: picker.clock.now, on: self)
    deliver()
  }

  /// Whether the session wants another message.
  package var wantsMessage: Bool { isReceiving && !isOver }

  func takeSent() -> [Sent] {
    defer { sent = [] }
    return sent
  }

  private func push(_ next: Incoming) {
    incoming.append(next)
    deliver()
  }

  private func deliver() {
    guard !isDelivering else { return }
    isDelivering = true
    defer { isDelivering = false }
    while isReceiving, !isOver, !incoming.isEmpty {
      isReceiving = false
      isBlocked = false
      let now = picker.clock.now
      switch incoming.removeFirst() {
      case .message(let received, let metadata):
        message = []
        session.received(received, metadata, now: now, on: self)
      case .body(let direction, let bytes, let endOfStream):
        // Payloads do not begin a message.
        message = [UInt8](repeating: 0xEE, count: 5) + bytes
        session.received(
          .body(direction, payload: 5..<message.count, endOfStream: endOfStream), nil, now: now, on: self)
      case .end:
        session.halfClosed(now: now, on: self)
      }
    }
    if status != nil { end() }
  }

  private func bytes(_ segments: [BodySegment]) -> [UInt8] {
    segments.flatMap { segment in
      switch segment {
      case .message(let range): Array(message[range])
      case .requestBody(let range): Array(body[range])
      case .bytes(let bytes): bytes
      }
    }
  }

  /// Remembers that it was called.
  private final class Waker: StreamWaker {
    private let state = Mutex((isAwake: false, isStopped: false))

    func wake() { state.withLock { if !$0.isStopped { $0.isAwake = true } } }
    func stop() { state.withLock { $0.isStopped = true } }

    func take() -> Bool {
      state.withLock { state in
        defer { state.isAwake = false }
        return state.isAwake
      }
    }
  }
}

extension InProcessStream: ExtProcTransport {
  package var isOpen: Bool { !isOver && status == nil }

  package func receive() {
    if isReceiving { violations.append("two messages asked for at a time") }
    isReceiving = true
  }

  package func enqueue(_ reply: ReplyMessage) {
    switch reply {
    case .unchangedHeaders(let direction): queue.append(.headers(direction, nil, set: [], removed: []))
    case .responseHeaders(let fields, let names): queue.append(.headers(.response, nil, set: fields, removed: names))
    case .unchangedBody(let direction): queue.append(.body(direction, nil, replacement: nil))
    case .trailers(let direction): queue.append(.trailers(direction))
    case .replacedBody(let direction, let segments):
      queue.append(.body(direction, nil, replacement: bytes(segments)))
    case .chunk(let direction, let range, let endOfStream):
      queue.append(.streamedBody(direction, Array(message[range]), endOfStream: endOfStream))
    case .bodyPiece(let direction, let segments, let endOfStream):
      queue.append(.streamedBody(direction, bytes(segments), endOfStream: endOfStream))
    case .decisionInHeaders(let decision): queue.append(.headers(.request, decision, set: [], removed: []))
    case .decisionInBody(let decision, let segments):
      queue.append(.body(.request, decision, replacement: segments.map { bytes($0) }))
    case .immediate(let answer): queue.append(.immediate(answer))
    }
  }

  package func attach(_ attributes: [ReportedAttribute]) { self.attributes += attributes }

  package func flush() {
    if isBlocked, !queue.isEmpty { violations.append("a message while the last one is not known to be sent") }
    if isOpen { sent += queue }
    queue = []
  }

  package func flushAndReceive() {
    flush()
    receive()
    isBlocked = true
  }

  package func flushAndClose() {
    flush()
    close(.ok)
  }

  package func close(_ status: StreamStatus) {
    queue = []
    if self.status == nil { self.status = status }
  }

  package func setDeadline(_ time: MonotonicTime?) {
    if let time { picker.deadlines.set(time, for: self) } else { picker.deadlines.remove(self) }
  }

  package func readClock() -> MonotonicTime { picker.clock.now }

  package func makeWaker() -> any StreamWaker { waker }

  package func forEachPiece(of range: Range<Int>, _ body: (RawSpan) -> Void) {
    let message = message
    var start = range.lowerBound
    while start < range.upperBound {
      let end = start + min(sliceBytes, range.upperBound - start)
      unsafe body(message.span.bytes.extracting(start..<end))
      start = end
    }
  }

  package func keep(_ range: Range<Int>, in reservation: BodyReservation) {
    self.reservation = reservation
    body += message[range]
    if body.count > reservation.capacity { violations.append("more bytes kept than are reserved") }
  }

  package func withRequestBody<Result>(_ read: (RawSpan) -> Result) -> Result {
    let body = body
    return unsafe read(body.span.bytes)
  }

  package func releaseRequestBody() {
    body = []
    reservation = nil
  }
}
