import EPPCore
import NIOCore
import NIOHTTP1
import NIOPosix

/// One request to the side channel of another engine, on a connection of its own. Use it on one event loop only.
final class BlockFetch {
  /// How a request ends.
  enum Outcome {
    /// The blocks that the other engine has sent.
    case received(PromptBlocks)
    /// Why there are none.
    case failed(String)
  }

  private let address: EndpointAddress
  private let path: String
  private let body: String
  private let timeout: Duration
  private let eventLoop: any EventLoop
  private var ended: ((Outcome) -> Void)?
  private var channel: (any Channel)?
  private var deadline: Scheduled<Void>?

  /// - Parameters:
  ///   - timeout: Time within which the answer has to be complete.
  ///   - ended: Called once with the outcome, unless the request is cancelled.
  init(
    _ address: EndpointAddress, path: String, body: String, timeout: Duration, on eventLoop: any EventLoop,
    _ ended: @escaping (Outcome) -> Void
  ) {
    self.address = address
    self.path = path
    self.body = body
    self.timeout = timeout
    self.eventLoop = eventLoop
    self.ended = ended
  }

  /// Sends the request.
  func start() {
    let limit = TimeAmount(timeout)
    deadline = eventLoop.assumeIsolated().scheduleTask(in: limit) { [weak self] in
      self?.end(.failed("no blocks came in time"))
    }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    ClientBootstrap(group: eventLoop)
      .connectTimeout(limit)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHTTPClientHandlers()
          try channel.pipeline.syncOperations.addHandler(AnswerHandler(bound.value))
        }
      }
      .connect(host: address.host, port: Int(address.port))
      .whenComplete { result in bound.value.connected(result) }
  }

  /// Gives the request up.
  func cancel() {
    ended = nil
    close()
  }

  private func connected(_ result: Result<any Channel, any Error>) {
    switch result {
    case .failure(let error): end(.failed("\(address) cannot be reached: \(error)"))
    case .success(let channel):
      guard ended != nil else { return channel.close(promise: nil) }
      self.channel = channel
      let head = HTTPRequestHead(
        version: .http1_1, method: .POST, uri: path,
        headers: [
          "host": "\(address)", "content-type": "application/json", "content-length": "\(body.utf8.count)",
          "connection": "close",
        ])
      channel.write(HTTPClientRequestPart.head(head), promise: nil)
      channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(string: body))), promise: nil)
      channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    }
  }

  /// Ends the request with the other engine's answer.
  fileprivate func answered(_ status: Int, _ body: [UInt8]) {
    if status == 200, let json = try? JSONNode(body), let blocks = PromptBlocks(json) {
      end(.received(blocks))
    } else {
      end(.failed("\(address) answered \(status): \(String(decoding: body.prefix(200), as: UTF8.self))"))
    }
  }

  /// The connection has been closed.
  fileprivate func closed() { end(.failed("\(address) closed the connection")) }

  private func end(_ outcome: Outcome) {
    guard let ended else { return }
    self.ended = nil
    close()
    ended(outcome)
  }

  private func close() {
    deadline?.cancel()
    deadline = nil
    channel?.close(promise: nil)
    channel = nil
  }
}

/// Collects the answer to a request.
private final class AnswerHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart

  private let fetch: BlockFetch
  private var status = 0
  private var body: [UInt8] = []

  init(_ fetch: BlockFetch) { self.fetch = fetch }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch Self.unwrapInboundIn(data) {
    case .head(let head): status = Int(head.status.code)
    case .body(let part): body += part.readableBytesView
    case .end: fetch.answered(status, body)
    }
  }

  func channelInactive(context: ChannelHandlerContext) { fetch.closed() }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
