import NIOCore
import NIOHTTP1

/// One connection of the side channel by which other engines fetch blocks. Use it on the engine's event loop only.
///
/// `POST /fetch` asks for the blocks that are offered under a name, `POST /probe` for those of a prompt that are in the cache, and
/// `GET /query` for the engines of the server, as a bootstrap server of Mooncake answers it.
final class TransferHTTPHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let engine: EngineLoop
  private var context: ChannelHandlerContext?
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []
  private var fetch: TransferLedger.FetchID?

  /// Bytes of the largest body that is read.
  private static let maximumBodyBytes = 64 << 20

  init(engine: EngineLoop) { self.engine = engine }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch Self.unwrapInboundIn(data) {
    case .head(let next):
      head = next
      body.removeAll()
    case .body(let part):
      guard body.count + part.readableBytes <= Self.maximumBodyBytes else { return context.close(promise: nil) }
      body += part.readableBytesView
    case .end: process()
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    engine.unhold(self)
    head = nil
    if let fetch { engine.sender?.interrupted(fetch) }
    fetch = nil
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  /// Answers the current request; during the fault `hang` after its end.
  private func process() {
    guard let head, let sender = engine.sender else { return }
    if engine.fault == .hang { return engine.hold(self) { [weak self] in self?.process() } }
    switch (head.method, head.uri) {
    case (.GET, "/query"): respond(200, sender.bootstrapJSON)
    case (.POST, FetchRequest.path):
      guard let request = (try? JSONNode(body)).flatMap({ FetchRequest($0) }) else { return refuse() }
      let id = sender.fetch(request) { [weak self] status, json in self?.respond(status, json) }
      // A refusal comes before `fetch` returns.
      if self.head != nil { fetch = id }
    case (.POST, ProbeRequest.path):
      guard let request = (try? JSONNode(body)).flatMap({ ProbeRequest($0) }) else { return refuse() }
      sender.probe(request) { [weak self] status, json in self?.respond(status, json) }
    default: respond(404, #"{"error":"there is no such path on the side channel"}"#)
    }
  }

  private func refuse() { respond(400, #"{"error":"the body is no request for blocks"}"#) }

  private func respond(_ status: Int, _ json: String) {
    if self.head != nil, engine.fault == .hang {
      return engine.hold(self) { [weak self] in self?.respond(status, json) }
    }
    guard let context, let head else { return }
    fetch = nil
    self.head = nil
    let headers: HTTPHeaders = ["content-type": "application/json", "content-length": "\(json.utf8.count)"]
    let response = HTTPResponseHead(
      version: head.version, status: HTTPResponseStatus(statusCode: status), headers: headers)
    context.write(wrapOutboundOut(.head(response)), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: json)))), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }
}
