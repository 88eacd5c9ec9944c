import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// A port of a simulated engine and its open connections. Closes the port during the fault `refuse`. Use it on the engine's
/// event loop only.
final class EngineListener {
  /// The engine.
  let engine: EngineLoop
  private let host: String
  /// Makes the handler of a connection's requests.
  private let makeHandler: (EngineLoop) -> any ChannelInboundHandler
  /// The port; 0, before the first bind, for a port that the system chooses.
  private(set) var port: Int
  private var listening: (any Channel)?
  private var connections: [ObjectIdentifier: any Channel] = [:]
  private var isStopped = false

  private static let backlog: Int32 = 1024
  /// Bytes that wait for a client that does not read at most; then its connection is closed.
  private static let unreadBytes = 4 << 20
  /// Time between attempts to open a port that another process uses.
  private static let retryDelay = TimeAmount.milliseconds(100)

  init(
    engine: EngineLoop, host: String, port: Int,
    _ makeHandler: @escaping (EngineLoop) -> any ChannelInboundHandler
  ) {
    self.makeHandler = makeHandler
    self.engine = engine
    self.host = host
    self.port = port
  }

  /// Opens the port.
  func open() -> EventLoopFuture<Void> {
    let eventLoop = engine.eventLoop
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    return ServerBootstrap(group: eventLoop)
      .serverChannelOption(.backlog, value: Self.backlog)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.writeBufferWaterMark, value: .init(low: Self.unreadBytes / 2, high: Self.unreadBytes))
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
          try channel.pipeline.syncOperations.addHandler(bound.value.makeHandler(bound.value.engine))
          bound.value.add(channel)
        }
      }
      .bind(host: host, port: port)
      .map { channel in
        let listener = bound.value
        listener.listening = channel
        listener.port = channel.localAddress?.port ?? listener.port
      }
  }

  private func add(_ channel: any Channel) {
    let key = ObjectIdentifier(channel)
    connections[key] = channel
    let bound = NIOLoopBound(self, eventLoop: engine.eventLoop)
    channel.closeFuture.whenComplete { _ in bound.value.connections[key] = nil }
  }

  /// Closes the port and resets all connections for the fault `refuse`; opens the port for any other fault.
  func apply(_ fault: EngineFault) {
    if fault == .refuse {
      closePort()
      for channel in connections.values { reset(channel) }
    } else if listening == nil {
      reopen()
    }
  }

  private func reopen() {
    guard !isStopped, engine.fault != .refuse, listening == nil else { return }
    let bound = NIOLoopBound(self, eventLoop: engine.eventLoop)
    open().whenFailure { _ in
      let listener = bound.value
      listener.engine.eventLoop.assumeIsolated().scheduleTask(in: Self.retryDelay) { listener.reopen() }
    }
  }

  /// Closes a connection with RST in place of FIN.
  private func reset(_ channel: any Channel) {
    if let options = channel as? any SocketOptionProvider {
      options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
    } else {
      channel.close(promise: nil)
    }
  }

  private func closePort() {
    listening?.close(promise: nil)
    listening = nil
  }

  /// Closes the port and all connections. The port is not opened again.
  func stop() -> EventLoopFuture<Void> {
    isStopped = true
    engine.stop()
    var closing = connections.values.map { $0.close().recover { _ in } }
    if let listening { closing.append(listening.close().recover { _ in }) }
    listening = nil
    return EventLoopFuture.andAllComplete(closing, on: engine.eventLoop)
  }
}
