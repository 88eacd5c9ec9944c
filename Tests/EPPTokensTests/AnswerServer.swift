import EPPCore
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An engine that says what a test wants it to say, and counts who asks.
final class AnswerServer: Sendable {
  struct Answer: Sendable {
    var status = 200
    var body: String
    /// Whether it ends; else a blank follows from time to time for ever.
    var ends = true
  }

  /// Nil never answers.
  typealias Answering = @Sendable (_ path: String, _ body: String) -> Answer?

  let address: EndpointAddress
  private let channel: any Channel
  private let log: Log
  /// Of its own: an answer may be held back for as long as a test wants.
  private let group: MultiThreadedEventLoopGroup

  /// Paths that were asked, in order.
  var asked: [String] { log.paths.withLock { $0 } }

  private final class Log: Sendable {
    let paths = Mutex<[String]>([])
  }

  static func start(_ answering: @escaping Answering) async throws -> AnswerServer {
    let log = Log()
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let channel = try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Handler(answering, log))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    return AnswerServer(channel, log, group)
  }

  private init(_ channel: any Channel, _ log: Log, _ group: MultiThreadedEventLoopGroup) {
    self.group = group
    self.channel = channel
    self.log = log
    address = EndpointAddress(host: "127.0.0.1", port: UInt16(channel.localAddress?.port ?? 0))
  }

  func stop() async throws {
    try await channel.close()
    try await group.shutdownGracefully()
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let answering: Answering
    private let log: Log
    private var path = ""
    private var body = ByteBuffer()

    init(_ answering: @escaping Answering, _ log: Log) {
      self.answering = answering
      self.log = log
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head):
        path = head.uri
        body.clear()
      case .body(var part): body.writeBuffer(&part)
      case .end:
        log.paths.withLock { $0.append(path) }
        guard let answer = answering(path, String(buffer: body)) else { return }
        let content = ByteBuffer(string: answer.body)
        var headers: HTTPHeaders = ["content-type": "application/json"]
        if answer.ends { headers.add(name: "content-length", value: "\(content.readableBytes)") }
        context.write(
          wrapOutboundOut(
            .head(HTTPResponseHead(version: .http1_1, status: .init(statusCode: answer.status), headers: headers))),
          promise: nil)
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(content))), promise: nil)
        guard answer.ends else {
          let channel = context.channel
          channel.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(20)) { task in
            guard channel.isActive else { return task.cancel() }
            channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: " "))), promise: nil)
          }
          return
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      }
    }
  }
}
