import EPPCore
package import NIOCore
import NIOPosix
import NIOSSL

/// The connections to engines of one event loop: a request and its engine's connection are on the same one, so nothing is passed
/// between threads. Used on its loop alone.
package final class EnginePool {
  /// Makes a connection to an engine on the pool's loop.
  package typealias Connect = (EngineOrigin) -> EventLoopFuture<NIOLoopBound<EngineConnection>>

  private struct Idle {
    var connection: EngineConnection
    var expiry: Scheduled<Void>
  }

  private let loop: any EventLoop
  private let settings: ProxySettings
  private let connect: Connect
  private var idle: [EngineOrigin: [Idle]] = [:]

  package init(_ loop: any EventLoop, _ settings: ProxySettings, _ connect: @escaping Connect) {
    self.loop = loop
    self.settings = settings
    self.connect = connect
  }

  /// A pool whose connections are TCP connections, and those to engines of some roles encrypted.
  convenience init(_ loop: any EventLoop, _ settings: ProxySettings, _ tls: [EngineRole: NIOSSLContext]) {
    self.init(loop, settings) { engine in
      let connection = NIOLoopBound(EngineConnection(), eventLoop: loop)
      return ClientBootstrap(group: loop)
        .connectTimeout(TimeAmount(settings.connectTimeout))
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            if let context = tls[engine.role] {
              let host = engine.address.host
              // A certificate of an address is compared with the address that is dialled.
              try channel.pipeline.syncOperations.addHandler(
                NIOSSLClientHandler(context: context, serverHostname: IPAddress(host) == nil ? host : nil))
            }
            try connection.value.add(to: channel)
          }
        }
        .connect(host: engine.address.host, port: Int(engine.address.port))
        .map { _ in connection }
    }
  }

  /// A connection to an engine: the one that was used last, or a new one.
  func connection(to engine: EngineOrigin, isFresh: Bool = false) -> EventLoopFuture<NIOLoopBound<EngineConnection>> {
    while !isFresh, let last = idle[engine]?.popLast() {
      last.expiry.cancel()
      guard last.connection.isActive else { continue }
      last.connection.isReused = true
      return loop.makeSucceededFuture(NIOLoopBound(last.connection, eventLoop: loop))
    }
    return connect(engine)
  }

  /// Takes a connection back whose request has ended.
  func release(_ connection: EngineConnection, to engine: EngineOrigin) {
    connection.user = nil
    connection.mayRead = true
    guard connection.isActive, idle[engine, default: []].count < settings.maximumIdleConnections else {
      return connection.close()
    }
    let bound = NIOLoopBound((self, connection), eventLoop: loop)
    let expiry = loop.scheduleTask(in: TimeAmount(settings.engineIdleTimeout)) {
      let (pool, connection) = bound.value
      pool.idle[engine]?.removeAll { $0.connection === connection }
      connection.close()
    }
    idle[engine, default: []].append(Idle(connection: connection, expiry: expiry))
  }

  /// Closes all connections without a request.
  func removeAll() {
    for entry in idle.values.joined() {
      entry.expiry.cancel()
      entry.connection.close()
    }
    idle.removeAll()
  }
}
