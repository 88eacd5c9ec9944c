import EPPCore
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A server on a free port of the loopback interface that answers each request as it is told to at that time, also
/// wrongly.
final class EngineStub: Sendable {
  enum Behaviour: Sendable {
    case page(String)
    /// Answers, then closes the connection although it said nothing of the sort.
    case pageThenClose(String)
    /// Waits for a request on a used connection and closes then.
    case closeOnReuse(String)
    case chunked(String, pieces: Int)
    case status(Int)
    case raw(String)
    case rawThenClose(String)
    case close
    case hang
    case endless
  }

  private struct State {
    var behaviour: Behaviour
    var requests = 0
    var connections = 0
    var lastRequest = ""
  }

  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let state: Mutex<State>
  private let listener = Mutex<(any Channel)?>(nil)

  private let tls: NIOSSLContext?

  /// - Parameter tls: The context of its connections; nil for plain text.
  init(_ behaviour: Behaviour, tls: NIOSSLContext? = nil) {
    state = Mutex(State(behaviour: behaviour))
    self.tls = tls
  }

  /// Listens at a port that was reserved, or at a free one.
  func start(on reserved: ReservedPort? = nil) async throws -> EndpointAddress {
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls = self.tls {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
          }
          try channel.pipeline.syncOperations.addHandler(Handler(stub: self))
        }
      }
    let channel =
      if let reserved {
        try await bootstrap.withBoundSocket(reserved.takeSocket()).get()
      } else {
        try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
      }
    listener.withLock { $0 = channel }
    return EndpointAddress(host: "127.0.0.1", port: UInt16(channel.localAddress?.port ?? 0))
  }

  func stop() async throws { try await group.shutdownGracefully() }

  func set(_ behaviour: Behaviour) { state.withLock { $0.behaviour = behaviour } }
  var requests: Int { state.withLock { $0.requests } }
  var connections: Int { state.withLock { $0.connections } }
  var lastRequest: String { state.withLock { $0.lastRequest } }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let stub: EngineStub
    private var received = ""
    private var answered = 0

    init(stub: EngineStub) { self.stub = stub }

    func channelActive(context: ChannelHandlerContext) {
      stub.state.withLock { $0.connections += 1 }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      received += String(buffer: unwrapInboundIn(data))
      while let end = received.range(of: "\r\n\r\n") {
        let request = String(received[..<end.lowerBound])
        received.removeSubrange(..<end.upperBound)
        let behaviour = stub.state.withLock { state in
          state.requests += 1
          state.lastRequest = request
          return state.behaviour
        }
        answer(behaviour, context)
        answered += 1
      }
    }

    private func answer(_ behaviour: Behaviour, _ context: ChannelHandlerContext) {
      switch behaviour {
      case .page(let page): write(Self.response(page), context)
      case .pageThenClose(let page):
        write(Self.response(page), context)
        context.close(promise: nil)
      case .closeOnReuse(let page):
        if answered == 0 { write(Self.response(page), context) } else { context.close(promise: nil) }
      case .chunked(let page, let pieces):
        write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", context)
        var rest = page.utf8[...]
        while !rest.isEmpty {
          let piece = rest.prefix(max(1, page.utf8.count / pieces))
          rest = rest.dropFirst(piece.count)
          write("\(String(piece.count, radix: 16))\r\n\(Substring(piece))\r\n", context)
        }
        write("0\r\n\r\n", context)
      case .status(let status): write("HTTP/1.1 \(status) No\r\nContent-Length: 4\r\n\r\nnope", context)
      case .raw(let text): write(text, context)
      case .rawThenClose(let text):
        write(text, context)
        context.close(promise: nil)
      case .close: context.close(promise: nil)
      case .hang: break
      case .endless:
        write("HTTP/1.1 200 OK\r\n\r\n", context)
        for _ in 0..<9 { write(String(repeating: "x", count: 1 << 20), context) }
      }
    }

    private func write(_ text: String, _ context: ChannelHandlerContext) {
      context.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
    }

    private static func response(_ page: String) -> String {
      "HTTP/1.1 200 OK\r\nContent-Length: \(page.utf8.count)\r\n\r\n\(page)"
    }
  }
}
