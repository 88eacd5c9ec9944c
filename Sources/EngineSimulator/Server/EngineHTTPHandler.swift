import EPPCore
import NIOCore
import NIOHTTP1

/// One HTTP connection of a simulated engine: collects requests, and writes their responses, token by token for streams. Use it
/// on the engine's event loop only.
final class EngineHTTPHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  /// The engine.
  let engine: EngineLoop
  /// The head of the current request; nil after its response.
  private(set) var head: HTTPRequestHead?
  /// The body of the current request.
  private(set) var body = ByteBuffer()
  private var isTooLarge = false
  /// Whether the current request is in the log, and its answer is not complete.
  private var isLogged = false
  /// The handler's context; nil once it is removed.
  private(set) var context: ChannelHandlerContext?
  /// The response to the current generation request; nil when there is none, or when it is complete.
  var answer: GenerationAnswer?
  /// The engine's requests for the current generation request.
  var requests: [SimulatedRequestID] = []
  /// Parts of a streamed response that are sent after the fault `hang-after-head`.
  var withheld: (events: String, isLast: Bool)?

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
    withheld = nil
    head = nil
    endLog(isCancelled: true)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  /// Answers the current request. During the fault `hang`, all requests except those for `/sim/` wait for its end.
  private func process() {
    guard let head else { return }
    let path = head.uri.prefix { $0 != "?" }
    if !isLogged, RequestLog.includes(path) {
      isLogged = true
      engine.requests.begin(head, body: body)
    }
    if engine.fault == .hang, !path.hasPrefix("/sim/") {
      engine.hold(self) { [weak self] in self?.process() }
    } else if isTooLarge {
      respond(413, json: #"{"detail":"Request body is too large"}"#, closing: true)
    } else {
      route(head.method, path: String(path))
    }
  }

  /// Tells the log that the current request has ended.
  func endLog(isCancelled: Bool) {
    if isLogged { engine.requests.end(isCancelled: isCancelled) }
    isLogged = false
  }

  /// The request id that the client has sent; a random one, new at each access, when it has sent none.
  var requestName: String {
    if let name = head?.headers.first(name: HeaderName.requestID) { return name }
    let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
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

  /// Writes the head of a response.
  func write(head status: Int, headers: [(String, String)]) {
    var all = HTTPHeaders([("server", "engine-sim")] + headers)
    if let name = head?.headers.first(name: HeaderName.requestID) { all.add(name: HeaderName.requestID, value: name) }
    if head?.isKeepAlive == false { all.add(name: "connection", value: "close") }
    let response = HTTPResponseHead(
      version: head?.version ?? .http1_1, status: HTTPResponseStatus(statusCode: status), headers: all)
    context?.write(wrapOutboundOut(.head(response)), promise: nil)
  }

  /// Writes the end of a response.
  func end(closing: Bool) {
    endLog(isCancelled: false)
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
