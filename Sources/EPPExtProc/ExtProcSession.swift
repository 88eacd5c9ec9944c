package import EPPCore
import EPPMetrics
import EPPRequests
import EPPRouting
import EPPTracing

/// One ext_proc stream, from its first message to its end: performs the actions of a `StreamStateMachine` over a transport,
/// which carries the messages and owns their bytes.
///
/// Use it on the thread of its worker only. The caller passes transport and time to every function; the transport's clock is
/// read only to measure the processing time.
package struct ExtProcSession {
  private let worker: ExtProcWorker
  private var machine: StreamStateMachine
  private var request = CollectedRequest()
  private var routed: RoutedRequest?
  /// Restores the client's name of the model in the answer; nil when the name was not rewritten, or the answer is not changed.
  private var restorer: ChunkRestorer?
  /// Headers that plugins add to the response.
  private var responseHeaderChanges: [RequestHeaders.Field] = []
  /// Latest time of the decision; nil while there is no deadline.
  private var deadline: MonotonicTime?
  /// The suspension of the request's routing; nil while it is not suspended.
  private var wait: Wait?
  private let startedAt: MonotonicTime
  private var work = ProcessingTime()
  /// Whether the pool has counted the rejection of this stream.
  private var isRejectionNoted = false
  private var endStatus = StreamStatus.ok
  private var trace: StreamTrace

  /// Time spent on processing messages, in nanoseconds.
  private struct ProcessingTime {
    private var request: UInt64? = 0
    /// Time since the response began; nil before.
    private(set) var response: UInt64?

    mutating func add(_ nanoseconds: UInt64) {
      if response != nil { response? += nanoseconds } else { request? += nanoseconds }
    }

    mutating func beginResponse() { response = 0 }

    /// Returns the time until the decision, at the first call; nil at later calls.
    mutating func takeRequest() -> UInt64? {
      defer { request = nil }
      return request
    }
  }

  /// A suspended request, and the waker that resumes it.
  private struct Wait {
    let suspension: Suspension
    let waker: any StreamWaker
  }

  init(worker: ExtProcWorker, machine: StreamStateMachine, startedAt: MonotonicTime, trace: StreamTrace) {
    self.trace = trace
    self.worker = worker
    self.machine = machine
    self.startedAt = startedAt
    worker.settings.metrics.streamsInFlight.add(1)
  }

  // MARK: - What a transport tells

  /// Handles a message. The transport keeps the message's bytes until it is asked for the next message.
  package mutating func received(
    _ message: ReceivedMessage, _ metadata: GatewayMetadata?, now: MonotonicTime,
    on transport: any ExtProcTransport
  ) {
    startDeadline(now, transport)
    if let subset = metadata?.subset { request.subset = subset }
    switch message {
    case .body(.request, let payload, let endOfStream):
      requestBody(payload, endOfStream, now, transport)
    case .body(.response, let payload, let endOfStream):
      responseBody(payload, endOfStream, now, transport)
    case .requestHeaders(let head):
      requestHeaders(head, now, transport)
    case .responseHeaders(let head):
      responseHeaders(head, served: metadata?.served, now, transport)
    case .requestTrailers:
      perform(machine.receive(.requestTrailers), now, transport)
    case .responseTrailers:
      if let flight = routed?.flight { attach(flight.responseEnded(now: now), transport) }
      perform(machine.receive(.responseTrailers), now, transport)
    }
    processed(since: now, transport)
  }

  /// Handles a message that cannot be read: ends the stream with a status.
  package mutating func refused(_ status: StreamStatus, on transport: any ExtProcTransport) {
    endStatus = status
    transport.close(status)
  }

  /// Handles the end of the gateway's messages.
  package mutating func halfClosed(now: MonotonicTime, on transport: any ExtProcTransport) {
    perform(machine.halfClosed(), now, transport)
  }

  /// Handles a call of the waker: routes the suspended request with what is known now.
  package mutating func woken(now: MonotonicTime, on transport: any ExtProcTransport) {
    if wait != nil { endWait(now, transport) }
  }

  /// Handles the deadline: routes a suspended request with what is known now, and rejects a request whose body is incomplete.
  package mutating func deadlinePassed(now: MonotonicTime, on transport: any ExtProcTransport) {
    deadline = nil
    // The body is complete: the request is routed with what is known now.
    guard wait == nil else { return endWait(now, transport) }
    let action = machine.interrupt(
      Rejection(
        .serviceUnavailable, "the request did not arrive within the time allowed for a routing decision",
        reason: .deadline))
    // `.receive` means that nothing has to be done: a message is being received already.
    if action != .receive { perform(action, now, transport) }
  }

  /// Handles the end of the stream. Has to be called once, after all other functions, whichever side ended the stream.
  package mutating func closed(now: MonotonicTime, on transport: any ExtProcTransport) {
    stopDeadline(transport)
    takeWait()?.suspension.cancel()
    releaseRequest(transport)
    routed?.flight?.ended(isComplete: machine.isResponseComplete, now: now)
    routed = nil
    trace.recorded?.finish()
    let metrics = worker.settings.metrics
    metrics.streamsInFlight.add(-1)
    metrics.streamDuration.observe(nanoseconds: now.nanoseconds - startedAt.nanoseconds)
    if let time = work.response { metrics.responseProcessing.observe(nanoseconds: time) }
    metrics.streams(status: endStatus.code).increment()
  }

  private mutating func processed(since start: MonotonicTime, _ transport: any ExtProcTransport) {
    work.add(transport.readClock().nanoseconds - start.nanoseconds)
    if !machine.isAwaitingDecision, let time = work.takeRequest() {
      worker.settings.metrics.requestProcessing.observe(nanoseconds: time)
    }
  }

  // MARK: - Messages

  private mutating func requestHeaders(
    _ head: RequestHead, _ now: MonotonicTime, _ transport: any ExtProcTransport
  ) {
    let worker = worker
    request.begin(head, makeID: { worker.scratch.makeRequestID() })
    if let tracing = worker.settings.tracing {
      trace.begin(tracing, head.headers, requestID: request.id, at: startedAt)
    }
    let announcesNoBody = head.announcesNoBody
    let action = machine.receive(
      .requestHeaders(
        GatewayMessage.Headers(
          endOfStream: head.endOfStream, configuration: head.configuration, contentLength: head.contentLength,
          announcesNoBody: announcesNoBody)))
    if machine.bodiesComeTooLate, !head.endOfStream, !announcesNoBody {
      worker.settings.warnings.promptsUnseen.say(worker.settings.logger)
    }
    perform(action, now, transport)
  }

  private mutating func requestBody(
    _ payload: Range<Int>, _ endOfStream: Bool, _ now: MonotonicTime, _ transport: any ExtProcTransport
  ) {
    let isCollecting = machine.isAwaitingDecision
    let action = machine.receive(.requestBody(byteCount: payload.count, endOfStream: endOfStream))
    if isCollecting, action == .receive || action.isRoute,
      !request.keep(payload, worker.settings.budget, transport)
    {
      return perform(machine.interrupt(Self.bufferFull), now, transport)
    }
    perform(action, .plain(payload), now, transport)
  }

  private static let bufferFull = Rejection(
    .serviceUnavailable, "too many request bodies are being read at this moment; try again", reason: .bufferFull)

  private mutating func responseHeaders(
    _ head: ResponseHead, served: String?, _ now: MonotonicTime, _ transport: any ExtProcTransport
  ) {
    work.beginResponse()
    if let flight = routed?.flight {
      responseHeaderChanges = flight.responseStarted(
        ResponseStart(
          status: head.status, isEventStream: head.isEventStream, isReadable: !head.isEncoded,
          bodyIsSeen: machine.responseBodyMode != .none || head.endOfStream, served: served),
        now: now)
      if head.endOfStream { attach(flight.responseEnded(now: now), transport) }
    }
    let action = machine.receive(.responseHeaders(endOfStream: head.endOfStream, configuration: head.configuration))
    if let model = routed?.clientModel, !head.isEncoded, !head.endOfStream, head.isEventStream || head.isJSON {
      if machine.responseBodyMode == .none {
        worker.settings.warnings.answersUnseen.say(worker.settings.logger)
      } else {
        restorer = ChunkRestorer(head.isEventStream ? .eventStream : .json, model: model)
      }
    }
    perform(action, now, transport)
  }

  private mutating func responseBody(
    _ payload: Range<Int>, _ endOfStream: Bool, _ now: MonotonicTime, _ transport: any ExtProcTransport
  ) {
    if let flight = routed?.flight {
      transport.forEachPiece(of: payload) { flight.responseBody($0, now: now) }
      if endOfStream { attach(flight.responseEnded(now: now), transport) }
    }
    let action = machine.receive(.responseBody(endOfStream: endOfStream))
    let edited = restorer?.edited(payload, transport)
    perform(action, edited.map { .edited($0) } ?? .plain(payload), now, transport)
  }

  /// Gives the gateway what plugins say of the answer, with the reply to its end.
  private func attach(_ attributes: [ReportedAttribute], _ transport: any ExtProcTransport) {
    if !attributes.isEmpty { transport.attach(attributes) }
  }

  // MARK: - Actions

  private mutating func perform(_ action: StreamAction, _ now: MonotonicTime, _ transport: any ExtProcTransport) {
    perform(action, .none, now, transport)
  }

  /// Performs an action of the state machine.
  ///
  /// - Parameter chunk: The body chunk of the message that the action answers.
  private mutating func perform(
    _ action: StreamAction, _ chunk: BodyChunk, _ now: MonotonicTime, _ transport: any ExtProcTransport
  ) {
    var action = action
    while case .route(let body) = action {
      guard let next = route(body, now, transport) else { return }
      action = next
    }
    switch action {
    case .receive, .route:
      transport.receive()
    case .reply(let reply, let next):
      enqueue(reply, chunk, now, transport)
      releaseRequest(transport)
      switch next {
      case .receive where machine.isAwaitingDecision:
        // A deadline may have something to say before the next message comes.
        transport.flush()
        transport.receive()
      case .receive: transport.flushAndReceive()
      case .close: transport.flushAndClose()
      }
    case .close(let status):
      endStatus = status
      transport.close(status)
    }
    if !machine.isAwaitingDecision { stopDeadline(transport) }
  }

  /// Routes the request, and returns the next action. Nil when routing is suspended: `woken` or `deadlinePassed` resumes it,
  /// and no message is read before.
  private mutating func route(
    _ body: ReceivedBody, _ now: MonotonicTime, _ transport: any ExtProcTransport
  ) -> StreamAction? {
    let arrival = request.arrival(at: startedAt, seesResponse: machine.seesResponse, trace: trace.recorded)
    let (worker, pipeline) = (worker, worker.settings.pipeline)
    let waker = pipeline.maySuspend ? transport.makeWaker() : nil
    let wake = waker.map { waker in { @Sendable in waker.wake() } }
    let outcome = transport.withRequestBody { bytes in
      pipeline.begin(arrival, body, bytes, wake: wake, scratch: &worker.scratch, now: now)
    }
    return proceed(outcome, waker, transport)
  }

  private mutating func proceed(
    _ outcome: RouteOutcome, _ waker: (any StreamWaker)?, _ transport: any ExtProcTransport
  ) -> StreamAction? {
    switch outcome {
    case .routed(let routed):
      self.routed = routed
      return machine.routed(.success(()), needsResponse: routed.clientModel != nil)
    case .refused(let rejection):
      isRejectionNoted = true
      return machine.routed(.failure(rejection))
    case .suspended(let suspension):
      guard let waker else { preconditionFailure("a request that nobody can wake was suspended") }
      wait = Wait(suspension: suspension, waker: waker)
      transport.setDeadline(deadline.map { min($0, suspension.deadline) } ?? suspension.deadline)
      return nil
    }
  }

  // MARK: - Waiting

  /// Sets the deadline of the decision, at the first message.
  private mutating func startDeadline(_ now: MonotonicTime, _ transport: any ExtProcTransport) {
    guard deadline == nil, machine.isAwaitingDecision else { return }
    let end = now.advanced(by: worker.settings.requestDeadline)
    deadline = end
    transport.setDeadline(end)
  }

  private mutating func stopDeadline(_ transport: any ExtProcTransport) {
    guard deadline != nil else { return }
    deadline = nil
    transport.setDeadline(nil)
  }

  /// Resumes a suspended request: routes it with what is known now.
  private mutating func endWait(_ now: MonotonicTime, _ transport: any ExtProcTransport) {
    guard let wait = takeWait() else { return }
    let worker = worker
    let outcome = worker.settings.pipeline.resume(wait.suspension, scratch: &worker.scratch, now: now)
    guard let action = proceed(outcome, nil, transport) else { return }
    perform(action, now, transport)
    processed(since: now, transport)
  }

  /// Returns the wait, if there is one, and ends it: the stream is not woken any more.
  private mutating func takeWait() -> Wait? {
    defer { wait = nil }
    wait?.waker.stop()
    return wait
  }

  /// Releases headers and body after the decision or a rejection: the response may keep the stream open for minutes.
  private mutating func releaseRequest(_ transport: any ExtProcTransport) {
    guard request.isHeld, !machine.isAwaitingDecision || !transport.isOpen else { return }
    request.release(transport)
  }

  // MARK: - Replies

  /// Queues the messages of a reply.
  private mutating func enqueue(
    _ reply: Reply, _ chunk: BodyChunk, _ now: MonotonicTime, _ transport: any ExtProcTransport
  ) {
    switch reply {
    case .continueRequestHeaders:
      transport.enqueue(.unchangedHeaders(.request))
    case .decision(let place):
      enqueueDecision(place, now, transport)
    case .requestBody(let echo, let endOfStream):
      chunk.enqueue(.request, echo: echo, endOfStream: endOfStream, isReplaced: false, on: transport)
    case .requestTrailers:
      transport.enqueue(.trailers(.request))
    case .responseHeaders:
      transport.enqueue(
        restorer == nil && responseHeaderChanges.isEmpty
          ? .unchangedHeaders(.response)
          : .responseHeaders(
            setting: responseHeaderChanges, removing: restorer == nil ? [] : [HeaderName.contentLength]))
      responseHeaderChanges = []
    case .responseBody(let echo, let endOfStream):
      chunk.enqueue(.response, echo: echo, endOfStream: endOfStream, isReplaced: restorer != nil, on: transport)
    case .responseTrailers:
      transport.enqueue(.trailers(.response))
    case .immediate(let rejection):
      enqueueImmediate(rejection, transport)
    }
  }

  private func enqueueDecision(_ place: DecisionPlace, _ now: MonotonicTime, _ transport: any ExtProcTransport) {
    guard let routed else { return }
    var added: [RequestHeaders.Field] = []
    if let signature = worker.settings.sign?(routed.headers, now) { added.append(signature) }
    if let header = trace.header { added.append(header) }
    switch place {
    case .headers:
      transport.enqueue(.decisionInHeaders(request.decision(routed, added, bodyByteCount: nil)))
    case .headersWithBody(let endOfStream):
      let body = request.body(rewritten: routed.rewrite)
      // With trailers the length is left out: HTTP/1 can carry them only behind a chunked body.
      transport.enqueue(
        .decisionInHeaders(request.decision(routed, added, bodyByteCount: endOfStream ? body.byteCount : nil)))
      transport.enqueue(body, .request, endOfStream: endOfStream)
      if !endOfStream { transport.enqueue(.trailers(.request)) }
    case .body:
      let rewritten = routed.rewrite.map { request.body(rewritten: $0) }
      // Envoy refuses a body whose length is not that of the headers (500, "mismatch content length").
      transport.enqueue(
        .decisionInBody(request.decision(routed, added, bodyByteCount: rewritten?.byteCount), body: rewritten))
    }
  }

  private mutating func enqueueImmediate(_ rejection: Rejection, _ transport: any ExtProcTransport) {
    worker.settings.metrics.countRejection(rejection)
    note(rejection)
    trace.refuse(rejection)
    transport.enqueue(.immediate(ImmediateAnswer(rejection)))
  }

  /// Counts a rejection that routing has not counted: a body too large, a full buffer, a deadline.
  private mutating func note(_ rejection: Rejection) {
    guard !isRejectionNoted else { return }
    isRejectionNoted = true
    worker.settings.pipeline.noteRejection(rejection, requestID: request.id)
  }
}
