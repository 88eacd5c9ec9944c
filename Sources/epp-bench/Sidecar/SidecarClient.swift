import NIOCore
import NIOHTTP1
import NIOPosix

/// Clients of a proxy, each on a connection of its own, that send the next request when the last one is answered.
enum SidecarClient {
  /// What one run has measured.
  struct Result: Sendable {
    /// Times of whole requests; of streams, from the moment an event was sent until it is there.
    var latency = LatencyHistogram()
    var failures = 0
    var seconds = 0.0
  }

  /// Runs a number of requests over a number of connections.
  ///
  /// - Parameter body: The body of each request; nil for streams.
  static func run(
    port: Int, body: ByteBuffer?, requests: Int, connections: Int, on group: MultiThreadedEventLoopGroup
  ) async throws -> Result {
    let start = NIODeadline.now()
    var all = Result()
    try await withThrowingTaskGroup(of: Result.self) { clients in
      for client in 0..<connections {
        let share = requests / connections + (client < requests % connections ? 1 : 0)
        clients.addTask { try await one(port, body, share, group) }
      }
      for try await result in clients {
        all.latency.merge(result.latency)
        all.failures += result.failures
      }
    }
    all.seconds = Double((NIODeadline.now() - start).nanoseconds) / 1e9
    return all
  }

  private static func one(
    _ port: Int, _ body: ByteBuffer?, _ requests: Int, _ group: MultiThreadedEventLoopGroup
  ) async throws -> Result {
    let loop = group.next()
    let ended = loop.makePromise(of: Result.self)
    let channel = try await ClientBootstrap(group: loop)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHTTPClientHandlers()
          try channel.pipeline.syncOperations.addHandler(Handler(body, requests, ended))
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    let result = try await ended.futureResult.get()
    try? await channel.close()
    return result
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let body: ByteBuffer?
    private var left: Int
    private let ended: EventLoopPromise<Result>
    private var result = Result()
    private var sent = NIODeadline.now()

    init(_ body: ByteBuffer?, _ requests: Int, _ ended: EventLoopPromise<Result>) {
      self.body = body
      left = requests
      self.ended = ended
    }

    func channelActive(context: ChannelHandlerContext) { send(context) }

    private func send(_ context: ChannelHandlerContext) {
      guard left > 0 else { return ended.succeed(result) }
      left -= 1
      sent = .now()
      var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: body == nil ? "/stream" : "/v1/completions")
      head.headers = [
        "host": "model", "content-type": "application/json", "content-length": String(body?.readableBytes ?? 0),
      ]
      context.write(wrapOutboundOut(.head(head)), promise: nil)
      if let body { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head): if head.status != .ok { result.failures += 1 }
      case .body(let bytes): if body == nil { event(bytes) }
      case .end:
        if body != nil { result.latency.record(nanoseconds: (NIODeadline.now() - sent).nanoseconds) }
        send(context)
      }
    }

    /// Reads the time in the last event of a piece.
    private func event(_ bytes: ByteBuffer) {
      let digits = String(buffer: bytes).split(separator: "\n").last?.dropFirst(6) ?? ""
      guard let time = Int64(digits) else { return }
      result.latency.record(nanoseconds: Int64(NIODeadline.now().uptimeNanoseconds) - time)
    }

    func channelInactive(context: ChannelHandlerContext) { ended.fail(BenchError("a proxy has closed a connection")) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
