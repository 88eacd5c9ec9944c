import NIOCore
package import NIOPosix
import NIOSSL
import Synchronization

/// A reverse proxy before a model server: HTTP/1.1 and HTTP/2, plain or by TLS, in pieces as they come, with connections that are used
/// again.
package final class ProxyServer: Sendable {
  /// Where it listens.
  package let port: Int
  private let channel: any Channel
  private let loops: [Loop]
  private let state: DrainState

  /// What belongs to one event loop.
  private struct Loop: Sendable {
    let loop: any EventLoop
    let proxy: NIOLoopBound<ProxyLoop>
    let clients: NIOLoopBound<ProxyClients>
  }

  private final class DrainState: Sendable {
    let isDraining = Atomic(false)
  }

  private init(port: Int, _ channel: any Channel, _ loops: [Loop], _ state: DrainState) {
    self.port = port
    self.channel = channel
    self.loops = loops
    self.state = state
  }

  /// Listens.
  ///
  /// - Parameters:
  ///   - host: The address to listen on.
  ///   - port: The port; 0 for a free one.
  package static func start(
    _ settings: ProxySettings, _ router: RequestRouter, _ shared: ProxyShared, tls: ProxyTLS = ProxyTLS(),
    host: String, port: Int, on group: MultiThreadedEventLoopGroup
  ) async throws -> ProxyServer {
    let state = DrainState()
    var loops: [Loop] = []
    for loop in group.makeIterator() {
      loops.append(
        try await loop.submit {
          let proxy = ProxyLoop(loop, settings, router, EnginePool(loop, settings, tls.engines), shared) {
            state.isDraining.load(ordering: .relaxed)
          }
          return Loop(
            loop: loop, proxy: NIOLoopBound(proxy, eventLoop: loop),
            clients: NIOLoopBound(ProxyClients(), eventLoop: loop))
        }.get())
    }
    let all = loops
    let channel = try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard let own = all.first(where: { $0.loop === channel.eventLoop }) else {
            throw ChannelError.operationUnsupported
          }
          let pipeline = channel.pipeline.syncOperations
          if let server = tls.server { try pipeline.addHandler(NIOSSLServerHandler(context: server())) }
          try pipeline.addHandler(
            ProtocolChoice(own.proxy.value, own.clients.value, isEncrypted: tls.server != nil))
        }
      }
      .bind(host: host, port: port).get()
    return ProxyServer(port: channel.localAddress?.port ?? port, channel, loops, state)
  }

  /// Stops listening, lets the requests end that run, and closes all connections.
  ///
  /// - Parameter timeout: The time after which requests are broken off.
  package func stop(within timeout: Duration) async {
    state.isDraining.store(true, ordering: .relaxed)
    try? await channel.close()
    await withTaskGroup(of: Void.self) { group in
      for loop in loops { group.addTask { await Self.drain(loop, within: timeout) } }
    }
  }

  private static func drain(_ own: Loop, within timeout: Duration) async {
    let ended = own.loop.makePromise(of: Void.self)
    own.loop.execute {
      own.clients.value.drain(ended)
    }
    let limit = own.loop.scheduleTask(in: TimeAmount(timeout)) {
      own.clients.value.close()
    }
    try? await ended.futureResult.get()
    limit.cancel()
    own.loop.execute { own.proxy.value.pool.removeAll() }
  }
}
