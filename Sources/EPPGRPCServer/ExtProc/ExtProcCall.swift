import CGRPCShim
import EPPCore
import EPPExtProc

/// Carries one ext_proc stream over a gRPC call: decodes the gateway's messages, encodes the replies, and holds the bytes of
/// bodies. Use it on the thread of its call only.
final class ExtProcCall: CallHandler {
  private let call: ServerCall
  private let service: ExtProcService
  private var session: ExtProcSession
  /// The current message.
  private var message = SliceList()
  /// Encoded metadata for the next message that is queued; mostly empty.
  private var metadata: [UInt8] = []
  /// End of the range of `message` that was sent last.
  private var messagePosition = SliceList.Position()
  /// The request's body; nil when there is none, and after its release.
  private var body: RequestBody?
  /// References to the whole of `body`, made when it is sent.
  private var bodySlices = SliceList()

  init(_ call: ServerCall, service: ExtProcService, session: ExtProcSession) {
    self.call = call
    self.service = service
    self.session = session
  }

  // MARK: - CallHandler

  func received(_ message: consuming SliceList?) {
    guard let message = message else { return session.halfClosed(now: call.now, on: self) }
    self.message = message
    messagePosition = SliceList.Position()
    let now = call.now
    switch BodyFrame.scan(self.message) {
    case .frame(let frame):
      var metadata: GatewayMetadata?
      if let bytes = frame.metadata {
        metadata = service.decoder.decodeMetadata(bytes)
        guard metadata != nil else { return refuse(.invalidArgument("metadata_context is malformed")) }
      }
      session.received(
        .body(frame.direction, payload: frame.payload, endOfStream: frame.endOfStream), metadata, now: now, on: self)
    case .other:
      receivedOther(now)
    case .malformed:
      refuse(.invalidArgument("a message is not a ProcessingRequest"))
    }
  }

  private func receivedOther(_ now: MonotonicTime) {
    guard message.byteCount <= MessageDecoder.maximumMessageBytes || Self.isBody(message) else {
      return refuse(
        .resourceExhausted("a message of \(message.byteCount) bytes is too large for headers or trailers"))
    }
    let decoded = service.withContiguousBytes(of: message) { service.decoder.decode($0) }
    switch decoded {
    case nil:
      refuse(.invalidArgument("a message is not a ProcessingRequest"))
    case (.message(let message), let metadata)?:
      session.received(message, metadata, now: now, on: self)
    case (.body(let direction, let payload, let endOfStream), let metadata)?:
      message = SliceList()
      message.append(copying: payload)
      session.received(
        .body(direction, payload: 0..<payload.count, endOfStream: endOfStream), metadata, now: now, on: self)
    }
  }

  /// Whether the first field of a message is a body. Messages with a body may be as large as the server's receive limit.
  private static func isBody(_ message: borrowing SliceList) -> Bool {
    var cursor = SliceCursor(message)
    let tag = cursor.readVarint()
    return tag == 4 << 3 | 2 || tag == 5 << 3 | 2
  }

  private func refuse(_ status: StreamStatus) { session.refused(status, on: self) }

  func sent() {}

  func deadlinePassed() { session.deadlinePassed(now: call.now, on: self) }

  func woken() { session.woken(now: call.now, on: self) }

  func closed() {
    session.closed(now: call.now, on: self)
    releaseMessage()
  }
}

extension ExtProcCall: ExtProcTransport {
  var isOpen: Bool { call.isOpen }

  func receive() {
    releaseMessage()
    call.receive()
  }

  func flush() { call.flush(then: .nothing) }

  func flushAndReceive() {
    releaseMessage()
    call.flush(then: .receive)
  }

  /// Releases the message when the session is done with it: its slices keep buffers of the socket alive.
  private func releaseMessage() { message = SliceList() }

  func flushAndClose() { call.flush(then: .close(.ok, nil)) }

  func close(_ status: StreamStatus) {
    switch status {
    case .ok: call.close(.ok)
    case .invalidArgument(let reason): call.close(.invalidArgument, reason)
    case .resourceExhausted(let reason): call.close(.resourceExhausted, reason)
    }
  }

  func setDeadline(_ time: MonotonicTime?) { call.setDeadline(time) }

  func readClock() -> MonotonicTime { MonotonicTime(nanoseconds: epp_monotonic_now()) }

  func makeWaker() -> any StreamWaker { CallWaker(call) }

  func forEachPiece(of range: Range<Int>, _ body: (RawSpan) -> Void) { message.forEachPiece(of: range, body) }

  func keep(_ range: Range<Int>, in reservation: BodyReservation) {
    let body = body ?? RequestBody(reservation)
    self.body = body
    body.append(range, of: message)
  }

  func withRequestBody<Result>(_ read: (RawSpan) -> Result) -> Result {
    guard let body else { return read(RawSpan()) }
    return body.withBytes(read)
  }

  func releaseRequestBody() {
    body = nil
    bodySlices = SliceList()
  }

  func enqueue(_ reply: ReplyMessage) {
    switch reply {
    case .chunk(let direction, let range, let endOfStream):
      let prefix = ProcessingResponseEncoder.streamedBodyPrefix(
        direction, byteCount: range.count, endOfStream: endOfStream)
      call.enqueue { outgoing in
        outgoing.append(copying: prefix)
        outgoing.append(range, of: message, from: &messagePosition)
        appendMetadata(to: &outgoing)
      }
    case .bodyPiece(let direction, let segments, let endOfStream):
      let byteCount = segments.reduce(0) { $0 + $1.count }
      let prefix = ProcessingResponseEncoder.streamedBodyPrefix(
        direction, byteCount: byteCount, endOfStream: endOfStream)
      call.enqueue { outgoing in
        outgoing.append(copying: prefix)
        for segment in segments { append(segment, to: &outgoing) }
        appendMetadata(to: &outgoing)
      }
    case .unchangedHeaders(let direction): enqueue(service.encoder.unchanged(headersOf: direction))
    case .unchangedBody(let direction): enqueue(service.encoder.unchanged(bodyOf: direction))
    case .trailers(let direction): enqueue(service.encoder.trailers(of: direction))
    case .responseHeaders(let fields, let names):
      enqueue(service.encoder.responseHeaders(setting: fields, removing: names))
    case .replacedBody(let direction, let segments):
      enqueue(service.encoder.replacedBody(of: direction, bytes(of: segments)))
    case .decisionInHeaders(let decision): enqueue(service.encoder.decisionInHeaders(decision))
    case .decisionInBody(let decision, let segments):
      enqueue(service.encoder.decisionInBody(decision, body: segments.map { bytes(of: $0) }))
    case .immediate(let answer): enqueue(service.encoder.immediate(answer))
    }
  }

  private func enqueue(_ bytes: [UInt8]) {
    call.enqueue {
      $0.append(copying: bytes)
      appendMetadata(to: &$0)
    }
  }

  func attach(_ attributes: [ReportedAttribute]) { metadata += service.encoder.metadata(attributes) }

  /// Appends the metadata that waits for a message: protobuf's fields may stand in any order, so they come last.
  private func appendMetadata(to list: inout SliceList) {
    guard !metadata.isEmpty else { return }
    list.append(copying: metadata)
    metadata = []
  }

  private func append(_ segment: BodySegment, to list: inout SliceList) {
    switch segment {
    case .message(let range):
      list.append(range, of: message, from: &messagePosition)
    case .requestBody(let range):
      if bodySlices.byteCount == 0, let body { bodySlices = body.slices() }
      list.append(range, of: bodySlices)
    case .bytes(let bytes):
      if !bytes.isEmpty { list.append(copying: bytes) }
    }
  }

  /// Returns a contiguous copy of the bytes of segments.
  private func bytes(of segments: [BodySegment]) -> [UInt8] {
    var list = SliceList()
    for segment in segments { append(segment, to: &list) }
    var result: [UInt8] = []
    result.reserveCapacity(list.byteCount)
    list.forEachPiece(of: 0..<list.byteCount) { piece in
      unsafe piece.withUnsafeBytes { unsafe result.append(contentsOf: $0) }
    }
    return result
  }
}
