import EPPCore
package import NIOCore
package import NIOHTTP1

/// A client's connection: sends each request on to the engine and its answer back, in pieces as they come. Neither side is read faster
/// than the other one takes it. Belongs to one event loop.
package final class ClientConnection: ChannelDuplexHandler, EngineConnectionUser {
  package typealias InboundIn = HTTPServerRequestPart
  package typealias OutboundIn = HTTPServerResponsePart
  package typealias OutboundOut = HTTPServerResponsePart

  /// A request without a connection to its engine.
  private struct Waiting {
    var request: ClientRequest
    var isComplete = false
  }

  /// A request whose engine has it.
  private struct Exchange {
    var connection: EngineConnection
    var request: ClientRequest
    var isRequestComplete = false
    var hasAnswer = false
    var canReuse = false
  }

  private enum State {
    case idle
    case connecting(Waiting)
    case exchanging(Exchange)
    /// The proxy has answered itself; what comes of the request is dropped.
    case answered
    case closed
  }

  private let settings: ProxySettings
  private let pool: EnginePool
  private let isDraining: () -> Bool
  private var state = State.idle
  private var context: ChannelHandlerContext?
  private var isReadPending = false
  private var isKeptAlive = true
  private let deadline = ConnectionDeadline()

  package init(_ settings: ProxySettings, _ pool: EnginePool, isDraining: @escaping () -> Bool) {
    self.settings = settings
    self.pool = pool
    self.isDraining = isDraining
  }

  /// Adds HTTP and the connection to the pipeline of a channel.
  package func add(to channel: any Channel) throws {
    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
    try channel.pipeline.syncOperations.addHandler(self)
  }

  // MARK: - The client

  package func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    deadline.start(context.eventLoop) { [weak self] in self?.expired() }
    deadline.set(settings.headTimeout)
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    deadline.stop()
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): begin(head, context)
    case .body(let bytes):
      deadline.set(settings.bodyTimeout)
      add(bytes)
    case .end:
      deadline.clear()
      complete()
    }
  }

  package func channelReadComplete(context: ChannelHandlerContext) {
    if case .exchanging(let exchange) = state { exchange.connection.flush() }
  }

  package func channelInactive(context: ChannelHandlerContext) {
    if case .exchanging(let exchange) = state {
      exchange.connection.user = nil
      exchange.connection.close()
    }
    state = .closed
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  package func channelWritabilityChanged(context: ChannelHandlerContext) {
    if case .exchanging(let exchange) = state { exchange.connection.mayRead = context.channel.isWritable }
  }

  package func read(context: ChannelHandlerContext) {
    if mayRead { context.read() } else { isReadPending = true }
  }

  /// Whether more of the request is wanted.
  private var mayRead: Bool {
    switch state {
    case .idle, .answered, .closed: true
    case .connecting: false
    case .exchanging(let exchange): exchange.isRequestComplete || exchange.connection.isWritable
    }
  }

  private func readOn() {
    guard isReadPending, mayRead else { return }
    isReadPending = false
    context?.read()
  }

  // MARK: - Requests

  private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    isKeptAlive = head.isKeepAlive && !isDraining()
    deadline.set(settings.bodyTimeout)
    let client = ForwardedHead.Client(address: context.channel.remoteAddress?.ipAddress, isEncrypted: false)
    let request = ClientRequest(head, from: client)
    if let bytes = request.announcedBytes, bytes > settings.maximumRequestBytes {
      isKeptAlive = false
      return answer(.tooLarge)
    }
    if request.expectsContinue {
      context.writeAndFlush(
        wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
    }
    state = .connecting(Waiting(request: request))
    connect(isFresh: false)
  }

  private func connect(isFresh: Bool) {
    pool.connection(to: settings.engine, isFresh: isFresh).assumeIsolated().whenComplete { [self] result in
      switch result {
      case .success(let connection): connected(connection.value)
      case .failure: if case .connecting = state { answer(.unreachable(settings.engine)) }
      }
    }
  }

  private func connected(_ connection: EngineConnection) {
    guard case .connecting(let waiting) = state else { return pool.release(connection, to: settings.engine) }
    connection.user = self
    connection.mayRead = context?.channel.isWritable ?? false
    connection.write(.head(waiting.request.head))
    for piece in waiting.request.pieces { connection.write(.body(.byteBuffer(piece))) }
    if waiting.isComplete { connection.write(.end(nil)) }
    connection.flush()
    var request = waiting.request
    // A new connection is not closed for its age, so nothing has to be sent a second time.
    if !connection.isReused { request.forget() }
    state = .exchanging(Exchange(connection: connection, request: request, isRequestComplete: waiting.isComplete))
    readOn()
  }

  private func add(_ bytes: ByteBuffer) {
    switch state {
    case .connecting(var waiting):
      state = .idle
      waiting.request.append(bytes, isSent: false)
      state = .connecting(waiting)
      if waiting.request.bytes > settings.maximumRequestBytes { answer(.tooLarge) }
    case .exchanging(var exchange):
      state = .idle
      exchange.request.append(bytes, isSent: true)
      exchange.connection.write(.body(.byteBuffer(bytes)))
      let isTooLarge = exchange.request.bytes > settings.maximumRequestBytes
      state = .exchanging(exchange)
      if isTooLarge { giveUp(.tooLarge) }
    case .idle, .answered, .closed: break
    }
  }

  private func complete() {
    switch state {
    case .connecting(var waiting):
      state = .idle
      waiting.isComplete = true
      state = .connecting(waiting)
    case .exchanging(var exchange):
      state = .idle
      exchange.isRequestComplete = true
      exchange.connection.write(.end(nil))
      exchange.connection.flush()
      state = .exchanging(exchange)
    case .answered: state = .idle
    case .idle, .closed: break
    }
  }

  // MARK: - Answers

  package func engineAnswered(_ part: HTTPClientResponsePart) {
    guard case .exchanging(var exchange) = state, let context else { return }
    switch part {
    case .head(let head):
      exchange.hasAnswer = true
      exchange.canReuse = head.isKeepAlive
      exchange.request.forget()
      state = .exchanging(exchange)
      var forwarded = ForwardedHead.response(
        head, body: .asReceived(hasBody: exchange.request.hasAnswerBody(head.status)))
      close(&forwarded, exchange.request.version)
      context.write(wrapOutboundOut(.head(forwarded)), promise: nil)
    case .body(let bytes):
      context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
      if !context.channel.isWritable { exchange.connection.mayRead = false }
    case .end(let trailers): end(exchange, trailers, context)
    }
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
    if !isKeptAlive { head.headers.add(name: "connection", value: "close") }
  }

  private func end(_ exchange: Exchange, _ trailers: HTTPHeaders?, _ context: ChannelHandlerContext) {
    if exchange.canReuse, exchange.isRequestComplete {
      pool.release(exchange.connection, to: settings.engine)
    } else {
      exchange.connection.user = nil
      exchange.connection.close()
    }
    // An engine that answers early has not taken the rest of the request: the connection cannot bring another one.
    if !exchange.isRequestComplete { isKeptAlive = false }
    state = exchange.isRequestComplete ? .idle : .answered
    finish(trailers, context)
  }

  private func finish(_ trailers: HTTPHeaders?, _ context: ChannelHandlerContext) {
    let promise = isKeptAlive ? nil : context.eventLoop.makePromise(of: Void.self)
    let channel = context.channel
    promise?.futureResult.whenComplete { _ in channel.close(promise: nil) }
    context.writeAndFlush(wrapOutboundOut(.end(trailers)), promise: promise)
    deadline.set(settings.clientIdleTimeout)
    readOn()
  }

  package func engineAnsweredAll() { context?.flush() }

  package func engineWritabilityChanged() { readOn() }

  package func engineClosed(_ error: (any Error)?) {
    guard case .exchanging(let exchange) = state else { return }
    if exchange.hasAnswer {
      // The client sees a broken answer: a whole one would end otherwise.
      context?.close(promise: nil)
      state = .closed
    } else if exchange.connection.isReused, exchange.request.canRepeat {
      state = .connecting(Waiting(request: exchange.request, isComplete: exchange.isRequestComplete))
      connect(isFresh: true)
    } else {
      state = exchange.isRequestComplete ? .idle : .answered
      answer(.noAnswer(settings.engine))
    }
  }

  /// What the client has to send is not there in time.
  private func expired() {
    // It is not read while the engine is slow, and then it is not the client's fault.
    guard mayRead else { return deadline.set(settings.bodyTimeout) }
    switch state {
    case .idle, .answered, .closed: context?.close(promise: nil)
    case .connecting: break
    case .exchanging: giveUp(.bodyTimeout)
    }
  }

  /// Closes a connection without a request; one with a request is closed after its answer.
  package func drain() {
    isKeptAlive = false
    if case .idle = state { context?.close(promise: nil) }
  }

  /// Breaks the connection off.
  func close() { context?.close(promise: nil) }

  // MARK: - Faults

  /// Gives the engine's connection up and answers the client.
  private func giveUp(_ fault: ProxyFault) {
    guard case .exchanging(let exchange) = state else { return }
    exchange.connection.user = nil
    exchange.connection.close()
    if exchange.hasAnswer {
      context?.close(promise: nil)
      state = .closed
    } else {
      answer(fault)
    }
  }

  private func answer(_ fault: ProxyFault) {
    guard let context else { return }
    var isComplete = false
    var isShort = false
    switch state {
    case .idle: isComplete = true
    case .connecting(let waiting):
      isComplete = waiting.isComplete
      isShort = waiting.request.isShort
    case .exchanging, .answered, .closed: break
    }
    // The rest of a short request is read and dropped, so that the connection can bring the next one.
    if !isComplete, !isShort { isKeptAlive = false }
    state = isComplete ? .idle : .answered
    let body = fault.json
    var head = HTTPResponseHead(
      version: .http1_1, status: fault.status,
      headers: ["content-type": "application/json", "content-length": String(body.count)])
    if !isKeptAlive { head.headers.add(name: "connection", value: "close") }
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
    finish(nil, context)
  }
}
