import NIOCore
import NIOHTTP1
import NIOPosix

/// A model server for proxies to stand before: answers each POST with 300 bytes of JSON once its body is there, and each request whose
/// path is `/stream` with an event every few milliseconds.
enum SidecarUpstream {
  /// Events of a streamed answer.
  static let events = 50
  /// The time between two events.
  static let interval = TimeAmount.milliseconds(5)

  /// Listens on a port of the loopback address.
  static func start(port: Int, on group: MultiThreadedEventLoopGroup) async throws -> any Channel {
    try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.backlog, value: 1024)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline(withPipeliningAssistance: false)
          try channel.pipeline.syncOperations.addHandler(Handler())
        }
      }
      .bind(host: "127.0.0.1", port: port).get()
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private static let body = ByteBuffer(string: "{\"text\":\"" + String(repeating: "a", count: 288) + "\"}")
    private var isStreamed = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head): isStreamed = head.uri == "/stream"
      case .body: break
      case .end:
        if isStreamed {
          let head = HTTPResponseHead(
            version: .http1_1, status: .ok,
            headers: ["content-type": "text/event-stream", "transfer-encoding": "chunked"])
          context.write(wrapOutboundOut(.head(head)), promise: nil)
          event(1, NIOLoopBound(context, eventLoop: context.eventLoop))
        } else {
          let head = HTTPResponseHead(
            version: .http1_1, status: .ok,
            headers: ["content-type": "application/json", "content-length": String(Self.body.readableBytes)])
          context.write(wrapOutboundOut(.head(head)), promise: nil)
          context.write(wrapOutboundOut(.body(.byteBuffer(Self.body))), promise: nil)
          context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
      }
    }

    /// Sends an event with the time at which it was sent, and the next one later.
    private func event(_ number: Int, _ bound: NIOLoopBound<ChannelHandlerContext>) {
      let context = bound.value
      guard context.channel.isActive else { return }
      let text = "data: \(NIODeadline.now().uptimeNanoseconds)\n\n"
      context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
      guard number < SidecarUpstream.events else {
        return context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      }
      let this = NIOLoopBound(self, eventLoop: context.eventLoop)
      context.eventLoop.scheduleTask(in: SidecarUpstream.interval) { this.value.event(number + 1, bound) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
