import EPPCore
import ZeroMQ

/// A subscription's socket with its monitor. Belongs to the event thread; `close` has to be called before it is released.
final class EventSubscription {
  private let socket: Socket
  private let monitor: ConnectionMonitor
  private let context: EventThreadContext

  /// Subscribes. The library connects as soon as a process listens, and again whenever the connection is lost.
  ///
  /// - Parameters:
  ///   - address: where the engine publishes.
  ///   - stream: the stream's id, by which the socket is reported.
  ///   - allowsIPv6: whether a host name may resolve to an IPv6 address.
  /// - Throws: when there is no socket left, or the address is invalid.
  init(
    _ address: String, stream: UInt64, allowsIPv6: Bool, _ context: EventThreadContext
  ) throws(ZeroMQError) {
    let configuration = context.configuration
    let socket = try Socket(.sub, context.library)
    socket.maximumFrameBytes = configuration.maximumFrameBytes
    socket.receiveHighWaterMark = configuration.maximumReadAhead
    socket.setReconnectInterval(.milliseconds(100), atMost: .seconds(2))
    // A machine that has vanished says nothing: without this its successor would never be connected to.
    socket.setHeartbeat(every: .seconds(5), timeout: .seconds(10))
    socket.setHandshakeTimeout(.seconds(10))
    socket.allowsIPv6 = allowsIPv6
    socket.subscribe("")
    let monitor = try ConnectionMonitor(socket)
    try socket.connect(address)
    let (events, connection) = (SocketTag(stream, .events).number, SocketTag(stream, .connection).number)
    try context.poller.add(socket, tag: events)
    do {
      try context.poller.add(monitor, tag: connection)
    } catch {
      context.poller.remove(socket)
      throw error
    }
    (self.socket, self.monitor, self.context) = (socket, monitor, context)
    // What the library has noticed while it connected is not reported.
    context.ready.insert(events)
    context.ready.insert(connection)
  }

  /// Ends the subscription.
  func close() {
    context.poller.remove(monitor)
    context.poller.remove(socket)
  }

  /// Moves the next message to `EventThreadContext.message`.
  ///
  /// - Returns: false when there is none.
  func receive() -> Bool { socket.receive(into: &context.message) }

  /// The next event of the connection; nil when there is none.
  func nextConnectionEvent() -> ConnectionMonitor.Event? { monitor.next() }
}
