import EPPCore
import EPPExtProc
import EPPMetrics
import EPPRequests
import EPPRouting

/// The messages of each reply.
extension ExtProcStream {
  /// Pieces of a body that go back are cut at this size: the endpoint picker protocol's own figure, below the 64 KiB
  /// that gateways accept at least.
  static let maximumPieceBytes = 62_000

  /// Puts the messages of a reply into the call's queue.
  func enqueue(_ reply: Reply, _ message: borrowing SliceList, _ payload: Range<Int>) {
    switch reply {
    case .continueRequestHeaders:
      call.enqueue(worker.encoder.unchanged(headersOf: .request))
    case .routeInHeaders:
      if let decision = decision(bodyByteCount: nil) { call.enqueue(worker.encoder.decisionInHeaders(decision)) }
    case .routeWithBody(let endOfStream):
      enqueueRoutedBody(endOfStream: endOfStream)
    case .routeInBody:
      var rewritten: [UInt8]?
      if let rewrite = routed?.rewrite {
        rewritten = body?.withBytes { bytes in rewrite.applied(to: bytes) }
      }
      // Envoy refuses a body whose length is not that of the headers (500, "mismatch content length").
      guard let decision = decision(bodyByteCount: rewritten?.count) else { return }
      call.enqueue(worker.encoder.decisionInBody(decision, body: rewritten))
    case .requestBody(let echo, let endOfStream):
      enqueueChunk(.request, message, payload, echo: echo, endOfStream: endOfStream)
    case .requestTrailers:
      call.enqueue(worker.encoder.trailers(of: .request))
    case .responseHeaders:
      if restoresModelName {
        call.enqueue(worker.encoder.responseHeaders(removing: [HeaderName.contentLength]))
      } else {
        call.enqueue(worker.encoder.unchanged(headersOf: .response))
      }
    case .responseBody(let echo, let endOfStream):
      enqueueChunk(.response, message, payload, echo: echo, endOfStream: endOfStream)
    case .responseTrailers:
      call.enqueue(worker.encoder.trailers(of: .response))
    case .immediate(let rejection):
      enqueueImmediate(rejection)
    }
  }

  private func enqueueRoutedBody(endOfStream: Bool) {
    let content = routedBody()
    // With trailers the length is left out: HTTP/1 can carry them only behind a chunked body.
    guard let decision = decision(bodyByteCount: endOfStream ? content.byteCount : nil) else { return }
    call.enqueue(worker.encoder.decisionInHeaders(decision))
    enqueuePieces(.request, content, 0..<content.byteCount, endOfStream: endOfStream)
    if !endOfStream { call.enqueue(worker.encoder.trailers(of: .request)) }
  }

  private func enqueueChunk(
    _ direction: ProcessingResponseEncoder.Direction, _ message: borrowing SliceList, _ payload: Range<Int>, echo: Bool,
    endOfStream: Bool
  ) {
    if echo {
      enqueuePieces(direction, message, payload, endOfStream: endOfStream)
    } else if direction == .response, restoresModelName {
      // The gateway keeps the chunk in this mode, so a changed one is sent whole.
      let bytes = worker.withContiguousBytes(of: message) { bytes in
        unsafe bytes.extracting(payload).withUnsafeBytes { unsafe Array($0) }
      }
      call.enqueue(worker.encoder.replacedBody(of: direction, bytes))
    } else {
      call.enqueue(worker.encoder.unchanged(bodyOf: direction))
    }
  }

  /// A body or a chunk by reference, in pieces; an empty one is a piece too.
  private func enqueuePieces(
    _ direction: ProcessingResponseEncoder.Direction, _ content: borrowing SliceList, _ range: Range<Int>,
    endOfStream: Bool
  ) {
    var start = range.lowerBound
    var position = SliceList.Position()
    repeat {
      let end = min(range.upperBound, start + Self.maximumPieceBytes)
      let isLast = end == range.upperBound
      let prefix = ProcessingResponseEncoder.streamedBodyPrefix(
        direction, byteCount: end - start, endOfStream: endOfStream && isLast)
      call.enqueue(prefix, start..<end, of: content, from: &position)
      start = end
    } while start < range.upperBound
  }

  /// The body, with the model's name replaced where the request goes on with another: three references, no copy of the rest.
  private func routedBody() -> SliceList {
    let whole = body?.slices() ?? SliceList()
    guard let rewrite = routed?.rewrite else { return whole }
    var result = SliceList()
    result.append(0..<rewrite.range.lowerBound, of: whole)
    result.append(copying: rewrite.replacement)
    result.append(rewrite.range.upperBound..<whole.byteCount, of: whole)
    return result
  }

  private func decision(bodyByteCount: Int?) -> ProcessingResponseEncoder.Decision? {
    guard let routed else { return nil }
    var changes = ProcessingResponseEncoder.HeaderChanges()
    if let bodyByteCount, bodyByteCount > 0 {
      // Envoy takes content-length away in full-duplex mode, and engines like to know it.
      changes.set.append(.init(name: HeaderName.contentLength, value: String(bodyByteCount)))
    }
    if isRequestIDNew { changes.set.append(.init(name: HeaderName.requestID, value: requestID)) }
    for name in HeaderName.internalRequestHeaders
    where name != HeaderName.destinationEndpoint && head.headers.first(name) != nil {
      changes.remove.append(name)
    }
    return ProcessingResponseEncoder.Decision(
      destination: routed.destination, changes: changes, scores: routed.scores)
  }

  private func enqueueImmediate(_ rejection: Rejection) {
    worker.settings.metrics.countRejection(rejection)
    noteRejection(rejection)
    var headers: [RequestHeaders.Field] = [.init(name: HeaderName.contentType, value: "application/json")]
    if let reason = rejection.reason { headers.append(.init(name: HeaderName.droppedReason, value: reason.rawValue)) }
    if rejection.status == .tooManyRequests || rejection.status == .serviceUnavailable {
      headers.append(.init(name: HeaderName.retryAfter, value: "1"))
    }
    call.enqueue(
      worker.encoder.immediate(
        status: rejection.status.rawValue, headers: headers, body: ErrorBody.json(for: rejection),
        details: rejection.reason?.rawValue ?? rejection.status.code))
  }
}
