import EPPCore
import NIOCore
import NIOHTTP1
package import NIOPosix
import Synchronization

/// A reverse proxy before a model server: HTTP/1.1, in pieces as they come, with connections that are used again.
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
    let clients: NIOLoopBound<Clients>
  }

  /// The clients of one event loop.
  private final class Clients {
    var connections: [ObjectIdentifier: ClientConnection] = [:]
    var ended: EventLoopPromise<Void>?

    func remove(_ connection: ClientConnection) {
      connections[ObjectIdentifier(connection)] = nil
      if connections.isEmpty { ended?.succeed() }
    }
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
    _ settings: ProxySettings, _ router: RequestRouter, _ shared: ProxyShared, host: String, port: Int,
    on group: MultiThreadedEventLoopGroup
  ) async throws -> ProxyServer {
    let state = DrainState()
    var loops: [Loop] = []
    for loop in group.makeIterator() {
      loops.append(
        try await loop.submit {
          let proxy = ProxyLoop(loop, settings, router, EnginePool(loop, settings), shared) {
            state.isDraining.load(ordering: .relaxed)
          }
          return Loop(
            loop: loop, proxy: NIOLoopBound(proxy, eventLoop: loop),
            clients: NIOLoopBound(Clients(), eventLoop: loop))
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
          let client = ClientConnection(own.proxy.value)
          try client.add(to: channel)
          let clients = own.clients.value
          clients.connections[ObjectIdentifier(client)] = client
          channel.closeFuture.assumeIsolated().whenComplete { _ in clients.remove(client) }
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
      let clients = own.clients.value
      clients.ended = ended
      for client in Array(clients.connections.values) { client.drain() }
      if clients.connections.isEmpty { ended.succeed() }
    }
    let limit = own.loop.scheduleTask(in: TimeAmount(timeout)) {
      for client in Array(own.clients.value.connections.values) { client.close() }
    }
    try? await ended.futureResult.get()
    limit.cancel()
    own.loop.execute { own.proxy.value.pool.removeAll() }
  }
}
