import EPPCore
import NIOCore
import NIOHTTP1

/// A request to a decode engine whose answer goes to the client. Belongs to one event loop.
final class DecodeLeg {
  /// What happens to the answer on its way.
  enum Mode {
    case pass
    /// The number of cached tokens is corrected.
    case correct(CachedTokensEdit)
    /// It is kept until it is known whether the engine holds enough of the prompt; then `release` or `cancel`.
    case hold
  }

  enum Event {
    /// The client gets the answer from here on.
    case began
    /// Of a kept answer: whether the engine holds too little.
    case tried(isBelowThreshold: Bool)
    /// The client has its answer, or what there is of it.
    case ended(isSuccess: Bool)
  }

  private enum Answer {
    case none
    case passing
    case events(EventStreamEdit)
    /// A whole body, whose length changes.
    case body(HTTPResponseHead, ByteBuffer, CachedTokensEdit)
    case held(HTTPResponseHead, CacheThresholdScan, Held)
  }

  /// How far a kept answer is.
  private enum Held {
    case open
    case decided
    case complete
  }

  private let parts: EngineLegParts
  private let mode: Mode
  private let hasBody: (HTTPResponseStatus) -> Bool
  private unowned let client: any ExchangeClient
  private var leg: EngineLeg?
  private var answer = Answer.none
  private var status: HTTPResponseStatus?
  private var tell: ((Event) -> Void)?

  /// The longest JSON answer whose usage is corrected, in bytes.
  private static let maximumBodyBytes = 64 << 20

  /// - Parameters:
  ///   - hasBody: Whether an answer of the status has a body.
  ///   - client: Outlives the leg.
  init(
    _ parts: EngineLegParts, _ mode: Mode, hasBody: @escaping (HTTPResponseStatus) -> Bool, _ client: any ExchangeClient
  ) {
    self.parts = parts
    self.mode = mode
    self.hasBody = hasBody
    self.client = client
  }

  /// Whether the answer is read on.
  var mayRead = true {
    didSet { leg?.mayRead = mayRead }
  }

  /// Sends the request.
  ///
  /// - Parameter tell: Called on the loop; never after `cancel`.
  func start(_ tell: @escaping (Event) -> Void) {
    self.tell = tell
    let leg = EngineLeg(parts) { [self] in handle($0) }
    leg.mayRead = client.isWritable
    self.leg = leg
    leg.start()
  }

  /// Gives the request up; the client has got nothing of the answer, or is gone.
  func cancel() {
    leg?.cancel()
    leg = nil
    tell = nil
  }

  /// Sends a kept answer on, and what follows of it.
  func release() {
    guard case .held(let head, let scan, let held) = answer else { return }
    answer = .passing
    begin(head, hasBody: hasBody(head.status))
    if scan.kept.readableBytes > 0 { client.answer(scan.kept) }
    client.flushAnswer()
    if held == .complete { end(nil) } else { leg?.mayRead = client.isWritable }
  }

  // MARK: - The engine

  private func handle(_ event: EngineLeg.Event) {
    switch event {
    case .head(let head): begin(head)
    case .body(let bytes): add(bytes)
    case .flush: if case .none = answer {} else { client.flushAnswer() }
    case .end(let trailers): complete(trailers)
    case .failed(let failure): failed(failure)
    }
  }

  private func begin(_ head: HTTPResponseHead) {
    status = head.status
    let isEventStream = head.headers.first(name: "content-type")?.lowercased().hasPrefix("text/event-stream") ?? false
    switch mode {
    case .correct(let edit) where head.status == .ok && isEventStream:
      answer = .events(EventStreamEdit(edit))
      var head = head
      head.headers.remove(name: "content-length")
      begin(head, hasBody: true)
    case .correct(let edit) where head.status == .ok && hasBody(head.status):
      answer = .body(head, ByteBuffer(), edit)
    case .hold where head.status == .ok && hasBody(head.status):
      answer = .held(head, CacheThresholdScan(isEventStream: isEventStream), .open)
    case .hold:
      answer = .held(head, CacheThresholdScan(isEventStream: isEventStream), .decided)
      tell?(.tried(isBelowThreshold: false))
    case .pass, .correct:
      answer = .passing
      begin(head, hasBody: hasBody(head.status))
    }
  }

  private func begin(_ head: HTTPResponseHead, hasBody: Bool) {
    tell?(.began)
    client.answer(ForwardedHead.response(head, body: .asReceived(hasBody: hasBody)))
  }

  private func add(_ bytes: ByteBuffer) {
    switch answer {
    case .none: break
    case .passing: send(bytes)
    case .events(var edit):
      answer = .none
      let output = edit.feed(bytes)
      answer = .events(edit)
      if output.readableBytes > 0 { send(output) }
    case .body(let head, var body, let edit):
      answer = .none
      var bytes = bytes
      body.writeBuffer(&bytes)
      guard body.readableBytes <= Self.maximumBodyBytes else {
        answer = .passing
        begin(head, hasBody: true)
        return send(body)
      }
      answer = .body(head, body, edit)
    case .held(let head, var scan, let held):
      answer = .none
      let isBelow = scan.feed(bytes)
      guard held == .open, let isBelow else {
        answer = .held(head, scan, held)
        return
      }
      answer = .held(head, scan, .decided)
      tell?(.tried(isBelowThreshold: isBelow))
    }
  }

  private func send(_ bytes: ByteBuffer) {
    client.answer(bytes)
    if !client.isWritable { mayRead = false }
  }

  private func complete(_ trailers: HTTPHeaders?) {
    switch answer {
    case .none: break
    case .passing: end(trailers)
    case .events(var edit):
      let rest = edit.finish()
      if rest.readableBytes > 0 { client.answer(rest) }
      end(trailers)
    case .body(var head, let body, let edit):
      let whole = edit.edited(body.readableBytesSpan).map { ByteBuffer(bytes: $0) } ?? body
      head.headers.remove(name: "transfer-encoding")
      tell?(.began)
      client.answer(ForwardedHead.response(head, body: .bytes(whole.readableBytes)))
      client.answer(whole)
      end(trailers)
    case .held(let head, let scan, let held):
      answer = .held(head, scan, .complete)
      leg = nil
      if held == .open { tell?(.tried(isBelowThreshold: scan.finish())) }
    }
  }

  private func failed(_ failure: EngineLeg.Failure) {
    let wasHeld = if case .held = answer { true } else { false }
    let address = parts.origin.address
    let tell = finish()
    tell?(.ended(isSuccess: false))
    switch failure {
    case .unreachable: client.fail(.unreachable(address))
    case .noAnswer: client.fail(.noAnswer(address))
    case .broken: if wasHeld { client.fail(.noAnswer(address)) } else { client.breakAnswer() }
    }
  }

  private func end(_ trailers: HTTPHeaders?) {
    let isSuccess = status.map { $0.code < 500 } ?? false
    let tell = finish()
    tell?(.ended(isSuccess: isSuccess))
    client.endAnswer(trailers)
  }

  private func finish() -> ((Event) -> Void)? {
    defer { tell = nil }
    leg = nil
    answer = .none
    return tell
  }
}
