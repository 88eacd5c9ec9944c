import EPPCore
import EPPMetrics
import EPPTracing
import Logging
package import NIOCore
package import NIOHTTP1

/// A client's connection: takes its requests one after the other, has the exchange of each made that `RequestRouter` chooses, and sends
/// the answers. Belongs to one event loop.
package final class ClientConnection: ChannelDuplexHandler, RemovableChannelHandler {
  package typealias InboundIn = HTTPServerRequestPart
  package typealias OutboundIn = HTTPServerResponsePart
  package typealias OutboundOut = HTTPServerResponsePart

  /// A request that is being answered.
  private struct Current {
    var exchange: any ClientExchange
    var version: HTTPVersion
    /// Whether the answer has no body, because it was asked for its head alone.
    var isHead: Bool
    /// Whether the rest of the body is worth reading for nothing.
    var isShort: Bool
    var start: MonotonicTime
    /// Method and path for the log; nil where requests are not logged.
    var title: String?
    /// The trace of the request; nil when it is not recorded.
    var trace: RequestTrace?
    var status: HTTPResponseStatus?
    var bytes = 0
    var isRequestComplete = false
    var hasAnswer = false
  }

  private enum State {
    case idle
    case exchanging(Current)
    /// The answer is sent before the request was complete; what comes of the request is dropped.
    case answered
    case closed
  }

  private let proxy: ProxyLoop
  private let isEncrypted: Bool
  private var state = State.idle
  private var context: ChannelHandlerContext?
  private var isReadPending = false
  private var isKeptAlive = true
  private let deadline = ConnectionDeadline()

  /// - Parameter isEncrypted: Whether the client's connection is.
  package init(_ proxy: ProxyLoop, isEncrypted: Bool = false) {
    self.proxy = proxy
    self.isEncrypted = isEncrypted
  }

  /// Adds HTTP/1.1 and the connection to the pipeline of a channel.
  package func add(to channel: any Channel) throws {
    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
    try channel.pipeline.syncOperations.addHandler(self)
  }

  private var metrics: ProxyMetrics { proxy.shared.metrics }

  // MARK: - The client

  package func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    deadline.start(context.eventLoop) { [weak self] in self?.expired() }
    deadline.set(proxy.settings.headTimeout)
    metrics.connections.add(1)
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    metrics.connections.add(-1)
    deadline.stop()
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): begin(head, context)
    case .body(let bytes):
      if case .exchanging = state { deadline.set(proxy.settings.bodyTimeout) }
      add(bytes)
    case .end:
      if case .exchanging = state { deadline.clear() }
      complete()
    }
  }

  package func channelReadComplete(context: ChannelHandlerContext) {
    if case .exchanging(let current) = state { current.exchange.flush() }
  }

  package func channelInactive(context: ChannelHandlerContext) {
    if case .exchanging(let current) = state {
      current.exchange.cancel()
      ended(current, isComplete: false)
    }
    state = .closed
  }

  /// Counts the end of an exchange.
  ///
  /// - Parameter isComplete: whether the whole answer was written.
  private func ended(_ current: Current, isComplete: Bool = true) {
    metrics.inFlight.add(-1)
    metrics.duration.observe(from: current.start, to: proxy.now)
    current.trace?.end(status: current.status, isComplete: isComplete)
    guard let title = current.title else { return }
    proxy.shared.logger.info(
      "request",
      metadata: [
        "request": "\(title)", "status": "\(current.status.map { String($0.code) } ?? "none")",
        "body_bytes": "\(current.bytes)",
        "milliseconds": "\((proxy.now.nanoseconds - current.start.nanoseconds) / 1_000_000)",
      ])
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  package func channelWritabilityChanged(context: ChannelHandlerContext) {
    if case .exchanging(let current) = state { current.exchange.clientWritabilityChanged(context.channel.isWritable) }
  }

  package func read(context: ChannelHandlerContext) {
    if mayRead { context.read() } else { isReadPending = true }
  }

  /// Whether more of the request is wanted.
  private var mayRead: Bool {
    switch state {
    case .idle, .answered, .closed: true
    case .exchanging(let current): current.isRequestComplete || current.exchange.mayRead
    }
  }

  // MARK: - Requests

  private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    isKeptAlive = head.isKeepAlive && !proxy.isDraining()
    deadline.set(proxy.settings.bodyTimeout)
    let client = ForwardedHead.Client(address: context.channel.remoteAddress?.ipAddress, isEncrypted: isEncrypted)
    var request = ClientRequest(head, from: client)
    let api = RequestRouter.api(of: head)
    // Probes and pages of metrics are not traced.
    if api != nil, let tracing = proxy.shared.tracing {
      request.join(tracing.begin(head, connector: proxy.settings.disaggregation.connector, at: proxy.now))
    }
    // After an upgrade is refused, the decoder does not know what follows.
    if request.asksForUpgrade { isKeptAlive = false }
    let exchange = exchange(of: request, head)
    metrics.inFlight.add(1)
    if let api {
      metrics.asked(for: api)
      metrics.noted(proxy.shared.sessions.note(head.headers, peer: client.address, now: proxy.now))
    }
    state = .exchanging(
      Current(
        exchange: exchange, version: head.version, isHead: head.method == .HEAD, isShort: request.isShort,
        start: proxy.now, title: proxy.shared.logsRequests ? "\(head.method.rawValue) \(head.uri)" : nil,
        trace: request.trace))
    if let bytes = request.announcedBytes, bytes > proxy.settings.maximumRequestBytes {
      isKeptAlive = false
      return fail(.tooLarge)
    }
    if request.expectsContinue {
      context.writeAndFlush(
        wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
    }
    exchange.start()
  }

  private func exchange(of request: ClientRequest, _ head: HTTPRequestHead) -> any ClientExchange {
    if let isSigned = proxy.shared.isSigned, !isSigned({ head.headers.first(name: $0) }, proxy.now) {
      metrics.refused(.unsigned)
      return AnsweredExchange(ProxyFault.unsigned, self)
    }
    return switch proxy.router.route(head, isDraining: proxy.isDraining()) {
    case .answer(let answer): AnsweredExchange(answer, self)
    case .forward(let engine, let uri):
      StreamedExchange(
        proxy.pool, EngineOrigin(.decoder, engine), uri.map { request.asking(for: $0) } ?? request, self)
    case .disaggregate(let plan): DisaggregatedExchange(proxy, plan, request, self)
    case .refuse(let fault): AnsweredExchange(fault, self)
    }
  }

  private func add(_ bytes: ByteBuffer) {
    guard case .exchanging(var current) = state else { return }
    state = .idle
    current.bytes += bytes.readableBytes
    metrics.requestBytes.increment(by: bytes.readableBytes)
    let isTooLarge = current.bytes > proxy.settings.maximumRequestBytes
    state = .exchanging(current)
    if isTooLarge { fail(.tooLarge) } else { current.exchange.add(bytes) }
  }

  private func complete() {
    switch state {
    case .exchanging(var current):
      state = .idle
      current.isRequestComplete = true
      state = .exchanging(current)
      current.exchange.complete()
    case .answered where !isKeptAlive: context?.close(promise: nil)
    case .answered: state = .idle
    case .idle, .closed: break
    }
  }

  /// What the client has to send is not there in time.
  private func expired() {
    // It is not read while the engine is slow, and then it is not the client's fault.
    guard mayRead else { return deadline.set(proxy.settings.bodyTimeout) }
    switch state {
    case .idle, .answered, .closed: context?.close(promise: nil)
    case .exchanging:
      isKeptAlive = false
      fail(.bodyTimeout)
    }
  }

  // MARK: - Ends

  /// Closes a connection without a request; one with a request is closed after its answer.
  package func drain() {
    isKeptAlive = false
    if case .idle = state { context?.close(promise: nil) }
  }

  private func finish(_ trailers: HTTPHeaders?) {
    guard let context else { return }
    let promise = isKeptAlive ? nil : context.eventLoop.makePromise(of: Void.self)
    let channel = context.channel
    if case .answered = state, !isKeptAlive {
      promise?.futureResult.whenComplete { _ in Self.closeOutput(of: channel) }
      deadline.set(proxy.settings.lingerTimeout)
    } else {
      promise?.futureResult.whenComplete { _ in channel.close(promise: nil) }
      deadline.set(proxy.settings.clientIdleTimeout)
    }
    context.writeAndFlush(wrapOutboundOut(.end(trailers)), promise: promise)
    readOn()
  }

  /// Ends a connection whose client is still sending: a connection that is closed with unread bytes is reset, and the client would lose
  /// the answer (RFC 9112 section 9.6). What it sends is dropped until the deadline.
  private static func closeOutput(of channel: any Channel) {
    channel.close(mode: .output).whenFailure { _ in channel.close(promise: nil) }
  }
}

// MARK: - Answers

extension ClientConnection: ExchangeClient {
  var isWritable: Bool { context?.channel.isWritable ?? false }

  func answer(_ head: HTTPResponseHead) {
    guard case .exchanging(var current) = state, let context else { return }
    state = .idle
    current.hasAnswer = true
    current.status = head.status
    state = .exchanging(current)
    metrics.answered(Int(head.status.code))
    var head = head
    if (200..<300).contains(head.status.code), let identity = proxy.shared.identity?(proxy.now) {
      // An engine's own cookies stay.
      if identity.name != HeaderName.setCookie { head.headers.remove(name: identity.name) }
      head.headers.add(name: identity.name, value: identity.value)
    }
    close(&head, current.version)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
  }

  /// Says that the connection closes after the answer, where it does.
  private func close(_ head: inout HTTPResponseHead, _ version: HTTPVersion) {
    if version.major == 1 && version.minor == 0 {
      // A client of HTTP/1.0 does not know chunks: the end of the connection ends the body.
      head.version = version
      if head.headers.contains(name: "transfer-encoding") { isKeptAlive = false }
      head.headers.remove(name: "transfer-encoding")
      if isKeptAlive { head.headers.add(name: "connection", value: "keep-alive") }
    }
    if !isKeptAlive, head.status != .switchingProtocols { head.headers.add(name: "connection", value: "close") }
  }

  func answer(_ bytes: ByteBuffer) {
    guard case .exchanging(let current) = state, !current.isHead else { return }
    metrics.responseBytes.increment(by: bytes.readableBytes)
    context?.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
  }

  func flushAnswer() { context?.flush() }

  func endAnswer(_ trailers: HTTPHeaders?) {
    guard case .exchanging(let current) = state else { return }
    // What is missing of a request that is answered early is read and dropped where it is little, so that the connection can bring
    // the next one.
    if !current.isRequestComplete, !current.isShort { isKeptAlive = false }
    state = current.isRequestComplete ? .idle : .answered
    ended(current)
    finish(trailers)
  }

  func breakAnswer() {
    guard case .exchanging(let current) = state else { return }
    state = .closed
    ended(current, isComplete: false)
    context?.close(promise: nil)
  }

  func fail(_ fault: ProxyFault) {
    guard case .exchanging(let current) = state else { return }
    current.exchange.cancel()
    if current.hasAnswer { return breakAnswer() }
    let body = fault.json
    if !current.isRequestComplete, !current.isShort { isKeptAlive = false }
    answer(
      HTTPResponseHead(
        version: .http1_1, status: fault.status,
        headers: ["content-type": "application/json", "content-length": String(body.count)]))
    answer(ByteBuffer(bytes: body))
    endAnswer(nil)
  }

  func readOn() {
    guard isReadPending, mayRead else { return }
    isReadPending = false
    context?.read()
  }

  func openTunnel(_ tunnel: Tunnel) {
    guard case .exchanging(let current) = state, let context else { return tunnel.abandon() }
    state = .closed
    ended(current)
    do {
      let pipeline = context.pipeline.syncOperations
      let codecs = [
        try pipeline.context(handlerType: HTTPServerProtocolErrorHandler.self),
        try pipeline.context(handlerType: NIOHTTPResponseHeadersValidator.self),
        try pipeline.context(handlerType: HTTPServerPipelineHandler.self),
        try pipeline.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self),
        try pipeline.context(handlerType: HTTPResponseEncoder.self),
      ]
      try pipeline.addHandler(tunnel.clientEnd)
      pipeline.removeHandler(context: context, promise: nil)
      for codec in codecs { pipeline.removeHandler(context: codec, promise: nil) }
      tunnel.open()
    } catch {
      tunnel.abandon()
      context.close(promise: nil)
    }
  }
}
