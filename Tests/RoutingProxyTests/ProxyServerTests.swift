import EPPCore
import NIOCore
import NIOHTTP1
import NIOPosix
import RoutingProxy
import Testing

/// A proxy on real sockets, with several threads.
@Suite struct ProxyServerTests {
  /// An engine that answers with what it was asked.
  private final class Echo: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private var body = ByteBuffer()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head: body.clear()
      case .body(var piece): body.writeBuffer(&piece)
      case .end:
        let head = HTTPResponseHead(
          version: .http1_1, status: .ok, headers: ["content-length": String(body.readableBytes)])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      }
    }
  }

  private func engine(_ group: MultiThreadedEventLoopGroup) async throws -> any Channel {
    try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Echo())
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }

  /// Sends requests one after the other on one connection, and returns the bodies of the answers.
  private func ask(_ port: Int, _ bodies: [String], _ group: MultiThreadedEventLoopGroup) async throws -> [String] {
    let channel = try await ClientBootstrap(group: group).connect(host: "127.0.0.1", port: port) { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHTTPClientHandlers()
        return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(wrappingChannelSynchronously: channel)
      }
    }
    return try await channel.executeThenClose { inbound, outbound in
      var answers: [String] = []
      var parts = inbound.makeAsyncIterator()
      for body in bodies {
        let head = HTTPRequestHead(
          version: .http1_1, method: .POST, uri: "/", headers: ["content-length": String(body.utf8.count)])
        try await outbound.write(.head(head))
        try await outbound.write(.body(.byteBuffer(ByteBuffer(string: body))))
        try await outbound.write(.end(nil))
        var answer = ""
        reading: while let part = try await parts.next() {
          switch part {
          case .head(let head): #expect(head.status == .ok)
          case .body(let piece): answer += String(buffer: piece)
          case .end: break reading
          }
        }
        answers.append(answer)
      }
      return answers
    }
  }

  @Test func manyClientsGetTheirOwnAnswers() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let engine = try await engine(group)
    let router = RequestRouter(
      engine: EndpointAddress(host: "127.0.0.1", port: UInt16(try #require(engine.localAddress?.port))))
    let proxy = try await ProxyServer.start(
      ProxySettings(), router, .forTests(), host: "127.0.0.1", port: 0, on: group)
    try await withThrowingTaskGroup(of: Bool.self) { clients in
      for client in 0..<16 {
        clients.addTask {
          // From a few bytes to more than the buffers of the sockets.
          let bodies = (0..<20).map { String(repeating: "\(client).\($0) ", count: $0 % 5 == 4 ? 200_000 : $0) }
          return try await ask(proxy.port, bodies, group) == bodies
        }
      }
      for try await isRight in clients { #expect(isRight) }
    }
    // Without requests it stops at once.
    await proxy.stop(within: .seconds(600))
    await #expect(throws: (any Error).self) { try await ask(proxy.port, [""], group) }
    try await engine.close()
    try await group.shutdownGracefully()
  }
}
