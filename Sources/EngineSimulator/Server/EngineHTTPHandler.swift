import EPPCore
import NIOCore
import NIOHTTP1

/// One HTTP connection of a simulated engine: collects requests, and writes their responses, token by token for streams. Use it
/// on the engine's event loop only.
final class EngineHTTPHandler: ChannelInboundHandler, TokenReceiver {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  /// The engine.
  let engine: EngineLoop
  /// The head of the current request; nil after its response.
  private(set) var head: HTTPRequestHead?
  /// The body of the current request.
  private(set) var body = ByteBuffer()
  private var isTooLarge = false
  private var context: ChannelHandlerContext?
  private var answer: GenerationAnswer?
  private var requests: [SimulatedRequestID] = []

  /// Bytes of the largest body that is read; a larger one is answered with 413.
  private static let maximumBodyBytes = 64 << 20

  init(engine: EngineLoop) { self.engine = engine }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch Self.unwrapInboundIn(data) {
    case .head(let next):
      head = next
      body.clear()
      isTooLarge = false
      if next.headers.contains(name: "expect") { sendContinue(context, version: next.version) }
    case .body(var part):
      isTooLarge = isTooLarge || body.readableBytes + part.readableBytes > Self.maximumBodyBytes
      if isTooLarge { body = ByteBuffer() } else { body.writeBuffer(&part) }
    case .end: process()
    }
  }

  /// Answers `expect: 100-continue`, which clients send before a large body (curl above 1 MB).
  private func sendContinue(_ context: ChannelHandlerContext, version: HTTPVersion) {
    let head = HTTPResponseHead(version: version, status: .continue)
    context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    engine.unhold(self)
    engine.cancel(requests)
    requests = []
    answer = nil
    head = nil
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  /// Answers the current request. During the fault `hang`, all requests except those for `/sim/` wait for its end.
  private func process() {
    guard let head else { return }
    let path = head.uri.prefix { $0 != "?" }
    if engine.fault == .hang, !path.hasPrefix("/sim/") {
      engine.hold(self) { [weak self] in self?.process() }
    } else if isTooLarge {
      respond(413, json: #"{"detail":"Request body is too large"}"#, closing: true)
    } else {
      route(head.method, path: String(path))
    }
  }

  /// Starts the response to a generation request.
  ///
  /// - Throws: `APIError` when the request does not fit the context.
  func generate(_ request: GenerationRequest, adapter: LoadedAdapter?) throws(APIError) {
    answer = GenerationAnswer(
      request, name: requestName, model: adapter?.name ?? engine.options.modelName, created: engine.date,
      options: engine.options)
    do {
      try engine.submit(request, adapter: adapter, receiver: self) { submitted in
        requests = submitted
        guard request.isStreaming else { return }
        // vLLM sends the head before it has a token.
        write(
          head: 200, headers: [("content-type", "text/event-stream; charset=utf-8"), ("transfer-encoding", "chunked")])
        context?.flush()
      }
    } catch {
      answer = nil
      throw error
    }
  }

  /// The request id that the client has sent; a random one, new at each access, when it has sent none.
  var requestName: String {
    if let name = head?.headers.first(name: HeaderName.requestID) { return name }
    let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  func receive(choice: Int, token: UInt32, usage: TokenUsage, finish: SimulatedRequest.FinishReason?) {
    guard let events = answer?.accept(choice: choice, token: token, usage: usage, finish: finish), let answer else {
      return
    }
    if answer.isComplete {
      self.answer = nil
      requests = []
    }
    if answer.request.isStreaming {
      stream(events, isLast: answer.isComplete)
    } else if answer.isComplete {
      respond(200, json: answer.body)
    }
  }

  private func stream(_ events: String, isLast: Bool) {
    guard let context else { return }
    // A client that does not read would fill the memory.
    guard context.channel.isWritable else { return context.close(promise: nil) }
    context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: events)))), promise: nil)
    if isLast { end(closing: false) } else { context.flush() }
  }

  /// Writes a complete response with a JSON body.
  ///
  /// - Parameter closing: Whether the connection is closed afterwards.
  func respond(_ status: Int, json: String, closing: Bool = false) {
    respond(status, type: "application/json", body: ByteBuffer(string: json), closing: closing)
  }

  /// Writes a complete response.
  ///
  /// - Parameters:
  ///   - type: The content type; nil for none.
  ///   - closing: Whether the connection is closed afterwards.
  func respond(
    _ status: Int, type: String?, body: ByteBuffer, headers: [(String, String)] = [], closing: Bool = false
  ) {
    var headers = headers + [("content-length", "\(body.readableBytes)")]
    if let type { headers.append(("content-type", type)) }
    write(head: status, headers: headers)
    if body.readableBytes > 0 { context?.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
    end(closing: closing)
  }

  private func write(head status: Int, headers: [(String, String)]) {
    var all = HTTPHeaders([("server", "engine-sim")] + headers)
    if let name = head?.headers.first(name: HeaderName.requestID) { all.add(name: HeaderName.requestID, value: name) }
    if head?.isKeepAlive == false { all.add(name: "connection", value: "close") }
    let response = HTTPResponseHead(
      version: head?.version ?? .http1_1, status: HTTPResponseStatus(statusCode: status), headers: all)
    context?.write(wrapOutboundOut(.head(response)), promise: nil)
  }

  private func end(closing: Bool) {
    guard let context else { return }
    let closes = closing || head?.isKeepAlive == false
    head = nil
    body = ByteBuffer()
    let written = context.eventLoop.makePromise(of: Void.self)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    if closes {
      let channel = context.channel
      written.futureResult.whenComplete { _ in channel.close(promise: nil) }
    }
  }
}
