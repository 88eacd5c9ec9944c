import CGRPCShim
import EPPCore
import EPPExtProc
import EPPMetrics
import EPPRequests
import EPPRouting

/// One ext_proc stream: performs what the state machine says, and owns the bytes that the machine only counts.
final class ExtProcStream: CallHandler {
  let call: ServerCall
  let worker: ExtProcWorker
  var machine: StreamStateMachine
  /// The request body so far; nil when there is none.
  private(set) var body: RequestBody?
  private var holdsRequest = false
  var head = DecodedMessage.RequestHead()
  private var subset = SubsetHint.absent
  var requestID = ""
  var isRequestIDNew = false
  var routed: RoutedRequest?
  /// Puts the client's name for the model back into the answer, where the request went on with another.
  private var restorer: ModelNameRestorer?
  var restoresModelName: Bool { restorer != nil }
  private var deadline: DeadlineList.Entry?
  /// What the request waits for before it is routed.
  private var wait: TokenWait?
  private let startedAt: UInt64
  /// When the message came that is being worked on.
  private var now = MonotonicTime(nanoseconds: 0)
  /// Time spent on the messages of either direction.
  private var requestNanoseconds: UInt64 = 0
  private var responseNanoseconds: UInt64 = 0
  private var isDecisionCounted = false
  /// Whether the pool has counted the rejection that is sent.
  private var isRejectionNoted = false
  private var responseStarted = false
  var endStatus = StatusCode.ok
  /// What the request has waited for, on its way to be routed.
  private var resumed: TokenStage?

  /// A request that is to be routed when its token ids are there.
  private struct TokenWait {
    let input: StreamAction.RouteInput
    let tokens: any PendingTokens
    let waker: CallWaker?
    let deadline: DeadlineList.Entry
  }

  init(call: ServerCall, worker: ExtProcWorker, machine: StreamStateMachine) {
    self.call = call
    self.worker = worker
    self.machine = machine
    startedAt = epp_monotonic_now()
    worker.settings.metrics.streamsInFlight.add(1)
  }

  // MARK: - CallHandler

  func received(_ message: consuming SliceList?) {
    guard let message = message else {
      perform(machine.halfClosed())
      return
    }
    let start = epp_monotonic_now()
    now = MonotonicTime(nanoseconds: start)
    process(message)
    processed(nanoseconds: epp_monotonic_now() - start)
  }

  private func processed(nanoseconds: UInt64) {
    if responseStarted {
      responseNanoseconds += nanoseconds
      return
    }
    requestNanoseconds += nanoseconds
    guard !isDecisionCounted, !machine.isAwaitingDecision else { return }
    isDecisionCounted = true
    worker.settings.metrics.requestProcessing.observe(nanoseconds: requestNanoseconds)
  }

  private func process(_ message: borrowing SliceList) {
    if deadline == nil, machine.isAwaitingDecision {
      deadline = worker.startDeadline(of: self, now: now.nanoseconds)
    }
    switch BodyFrame.scan(message) {
    case .frame(let frame):
      if let bytes = frame.metadata {
        guard let metadata = worker.decoder.decodeMetadata(bytes) else {
          return refuse("metadata_context is malformed")
        }
        apply(metadata)
      }
      receivedBody(frame.direction, message, frame.payload, endOfStream: frame.endOfStream)
    case .other:
      receivedOther(message)
    case .malformed:
      refuse("a message is not a ProcessingRequest")
    }
  }

  func sent() {}

  /// The token ids that the request waits for are there, or could not be had.
  func woken() {
    guard wait != nil else { return }
    endWait()
  }

  /// The token ids that the request waits for have taken too long.
  func waitPassed() {
    guard wait != nil else { return }
    endWait()
  }

  /// Routes the request with what is known now.
  private func endWait() {
    guard let wait = stopWait() else { return }
    let start = epp_monotonic_now()
    now = MonotonicTime(nanoseconds: start)
    resumed = .answered(wait.tokens.result)
    perform(.route(wait.input))
    processed(nanoseconds: epp_monotonic_now() - start)
  }

  /// Nobody wakes the stream any more.
  private func stopWait() -> TokenWait? {
    guard let wait else { return nil }
    self.wait = nil
    wait.waker?.stop()
    wait.tokens.cancel()
    worker.stopWait(wait.deadline)
    return wait
  }

  func closed() {
    stopDeadline()
    _ = stopWait()
    releaseRequest()
    let end = epp_monotonic_now()
    if let flight = routed?.flight {
      flight.ended(isComplete: machine.isResponseComplete, now: MonotonicTime(nanoseconds: end))
    }
    routed = nil
    let metrics = worker.settings.metrics
    metrics.streamsInFlight.add(-1)
    metrics.streamDuration.observe(nanoseconds: end - startedAt)
    if responseStarted { metrics.responseProcessing.observe(nanoseconds: responseNanoseconds) }
    metrics.streams(status: Int(endStatus.rawValue)).increment()
  }

  /// The request has waited too long for the rest of its body.
  func deadlinePassed() {
    deadline = nil
    // Its body is there: it is routed without the token ids that it waits for.
    guard wait == nil else { return endWait() }
    let action = machine.interrupt(
      Rejection(
        .serviceUnavailable, "the request did not arrive within the time allowed for a routing decision",
        reason: .deadline))
    // `.receive` means that nothing has to be done: a message is being received already.
    if action != .receive { perform(action) }
  }

  // MARK: - Messages

  private func receivedOther(_ message: borrowing SliceList) {
    guard message.byteCount <= MessageDecoder.maximumMessageBytes || Self.isBody(message) else {
      return refuse(
        "a message of \(message.byteCount) bytes is too large for headers or trailers", .resourceExhausted)
    }
    let decoder = worker.decoder
    let decoded = worker.withContiguousBytes(of: message) { decoder.decode($0) }
    guard let (decoded, metadata) = decoded else { return refuse("a message is not a ProcessingRequest") }
    apply(metadata)
    switch decoded {
    case .requestHeaders(let head):
      receivedRequestHeaders(head)
    case .responseHeaders(let head):
      receivedResponseHeaders(head, served: metadata.served)
    case .requestTrailers:
      perform(machine.receive(.requestTrailers))
    case .responseTrailers:
      routed?.flight?.responseEnded(now: now)
      perform(machine.receive(.responseTrailers))
    case .body(let direction, let payload, let endOfStream):
      var bytes = SliceList()
      bytes.append(copying: payload)
      receivedBody(direction, bytes, 0..<payload.count, endOfStream: endOfStream)
    }
  }

  /// Whether the first field is a body: those may be as large as the server's receive limit.
  private static func isBody(_ message: borrowing SliceList) -> Bool {
    var cursor = SliceCursor(message)
    let tag = cursor.readVarint()
    return tag == 4 << 3 | 2 || tag == 5 << 3 | 2
  }

  private func receivedRequestHeaders(_ head: DecodedMessage.RequestHead) {
    self.head = head
    holdsRequest = true
    if let given = head.headers.first(HeaderName.requestID), !given.isEmpty {
      requestID = given
    } else {
      requestID = worker.scratch.makeRequestID()
      isRequestIDNew = true
    }
    let action = machine.receive(
      .requestHeaders(endOfStream: head.endOfStream, configuration: head.configuration, contentLength: contentLength))
    if machine.decidesFromHeadersAlone, !head.endOfStream { worker.warnOfUnseenPrompts() }
    perform(action)
  }

  private func receivedResponseHeaders(_ head: DecodedMessage.ResponseHead, served: String?) {
    responseStarted = true
    if let flight = routed?.flight {
      flight.responseStarted(
        ResponseStart(
          status: head.status, isEventStream: head.isEventStream, isReadable: !head.isEncoded,
          bodyIsSeen: machine.responseBodyMode != .none || head.endOfStream, served: served),
        now: now)
      if head.endOfStream { flight.responseEnded(now: now) }
    }
    let action = machine.receive(
      .responseHeaders(endOfStream: head.endOfStream, configuration: head.configuration))
    if let model = routed?.clientModel, !head.isEncoded, !head.endOfStream, head.isEventStream || head.isJSON {
      if machine.responseBodyMode == .none {
        worker.warnOfModelNames()
      } else {
        restorer = ModelNameRestorer(head.isEventStream ? .eventStream : .json, model: model)
      }
    }
    perform(action)
  }

  private func receivedBody(
    _ direction: BodyFrame.Direction, _ message: borrowing SliceList, _ payload: Range<Int>, endOfStream: Bool
  ) {
    switch direction {
    case .request:
      let isCollecting = machine.isAwaitingDecision
      let action = machine.receive(.requestBody(byteCount: payload.count, endOfStream: endOfStream))
      if isCollecting, action == .receive || action.isRoute {
        guard keep(payload, of: message) else { return perform(machine.interrupt(Self.bufferFull)) }
      }
      perform(action, message, payload)
    case .response:
      if let flight = routed?.flight {
        message.forEachPiece(of: payload) { flight.responseBody($0, now: now) }
        if endOfStream { flight.responseEnded(now: now) }
      }
      let action = machine.receive(.responseBody(endOfStream: endOfStream))
      if let restored = restoreModelName(message, payload) {
        perform(action, restored, 0..<restored.byteCount)
      } else {
        perform(action, message, payload)
      }
    }
  }

  /// The chunk with the client's name for the model in it; nil where nothing is to be changed.
  private func restoreModelName(_ message: borrowing SliceList, _ payload: Range<Int>) -> SliceList? {
    guard restorer != nil else { return nil }
    var result = SliceList()
    var isChanged = false
    var start = payload.lowerBound
    message.forEachPiece(of: payload) { piece in
      var kept = 0
      for edit in restorer?.edits(in: piece) ?? [] {
        isChanged = true
        result.append((start + kept)..<(start + edit.range.lowerBound), of: message)
        if !edit.replacement.isEmpty { result.append(copying: edit.replacement) }
        kept = edit.range.upperBound
      }
      result.append((start + kept)..<(start + piece.byteCount), of: message)
      start += piece.byteCount
    }
    guard isChanged else { return nil }
    return result
  }

  private static let bufferFull = Rejection(
    .serviceUnavailable, "too many request bodies are being read at this moment; try again", reason: .bufferFull)

  private func apply(_ metadata: GatewayMetadata) {
    if let subset = metadata.subset { self.subset = subset }
  }

  // MARK: - Actions

  func perform(_ action: StreamAction) {
    let nothing = SliceList()
    perform(action, nothing, 0..<0)
  }

  /// Does what the machine says. `payload` of `message` is the body chunk that the action answers.
  private func perform(_ action: StreamAction, _ message: borrowing SliceList, _ payload: Range<Int>) {
    var action = action
    while case .route(let input) = action {
      guard let next = route(input) else { return }
      action = next
    }
    switch action {
    case .receive, .route:
      call.receive()
    case .reply(let reply, let next):
      enqueue(reply, message, payload)
      releaseRequest()
      switch next {
      case .receive where machine.isAwaitingDecision:
        // A deadline may have something to say before the next message comes.
        call.flush(then: .nothing)
        call.receive()
      case .receive: call.flush(then: .receive)
      case .close: call.flush(then: .close(.ok, nil))
      }
    case .close(let status):
      switch status {
      case .ok: call.close(.ok)
      case .invalidArgument(let reason): refuse(reason)
      }
    }
    if !machine.isAwaitingDecision { stopDeadline() }
  }

  /// Nil when the request has to wait: `woken` or `waitPassed` goes on with it, and until then no message is read.
  private func route(_ input: StreamAction.RouteInput) -> StreamAction? {
    let arrival = RequestArrival(
      context: RequestContext(
        requestID: requestID, headers: head.headers, subset: subset, sourceAddress: head.sourceAddress),
      receivedAt: MonotonicTime(nanoseconds: startedAt))
    let pool = worker.settings.pool
    let seesResponse = machine.seesResponse
    let waker = resumed == nil && worker.settings.tokenDeadline != nil ? CallWaker(call) : nil
    let stage = resumed ?? waker.map { waker in .ask { waker.wake() } }
    resumed = nil
    let route = { [now, worker] (bytes: RawSpan) in
      pool.route(
        arrival, input: input, body: bytes, seesResponse: seesResponse, tokens: stage, scratch: &worker.scratch,
        now: now)
    }
    let outcome = body?.withBytes(route) ?? route(RawSpan())
    switch outcome {
    case .routed(let routed):
      self.routed = routed
      return machine.routed(.success(()), needsResponse: routed.clientModel != nil)
    case .refused(let rejection):
      isRejectionNoted = true
      return machine.routed(.failure(rejection))
    case .waiting(let tokens):
      wait = TokenWait(
        input: input, tokens: tokens, waker: waker, deadline: worker.startWait(of: self, now: now.nanoseconds))
      return nil
    }
  }

  private func refuse(_ reason: String, _ code: StatusCode = .invalidArgument) {
    endStatus = code
    call.close(code, reason)
  }

  private func stopDeadline() {
    guard let deadline else { return }
    worker.stopDeadline(deadline)
    self.deadline = nil
  }

  /// Counts a rejection that did not come from the pool: a body too large, a full buffer, a deadline.
  func noteRejection(_ rejection: Rejection) {
    guard !isRejectionNoted else { return }
    isRejectionNoted = true
    worker.settings.pool.noteRejection(
      rejection, requestID: requestID, receivedAt: MonotonicTime(nanoseconds: startedAt),
      now: MonotonicTime(nanoseconds: epp_monotonic_now()))
  }

  // MARK: - Bytes

  /// The client's own figure; nil where it gave none.
  private var contentLength: Int? { head.headers.first(HeaderName.contentLength).flatMap { Int($0) } }

  private func keep(_ payload: Range<Int>, of message: borrowing SliceList) -> Bool {
    if payload.isEmpty { return true }
    let body = body ?? RequestBody(budget: worker.settings.budget, expectedCount: contentLength)
    self.body = body
    return body.append(payload, of: message)
  }

  /// Headers and body are not needed any more: sent (the core has its own references to the bytes) or refused. A stream
  /// may go on for minutes after that, with its answer.
  private func releaseRequest() {
    guard holdsRequest, !machine.isAwaitingDecision || !call.isOpen else { return }
    holdsRequest = false
    body = nil
    head = DecodedMessage.RequestHead()
    subset = .absent
  }
}
