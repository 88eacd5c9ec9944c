import CZeroMQ

/// Reports the events of a socket's connections. Belongs to the socket's thread.
package final class ConnectionMonitor {
  /// An event of a connection.
  package enum Event: Sendable, Equatable {
    /// The handshake has succeeded: messages can arrive.
    case connected
    /// The connection has ended. `retrying` follows at once when it is made again. When nothing follows, the peer broke the
    /// protocol (a frame that is too large, something that is no ZeroMQ), and the socket is of no more use.
    case disconnected
    /// The peer is no ZeroMQ socket of the right kind, or did not complete the handshake in time. `disconnected` may follow.
    case handshakeFailed
    /// No process listens there, or the connection has ended: the library retries after this interval.
    case retrying(milliseconds: UInt32)
  }

  /// The socket from which the library's events are read.
  let socket: Socket
  private let watched: Socket
  private var message = Message()

  private static let events =
    ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | handshakeFailures
  private static let handshakeFailures =
    ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH

  /// Monitors a socket from now on, for as long as this object exists. Created before the socket is bound or connected, it
  /// misses no event.
  ///
  /// - Throws: `ZeroMQError` when the monitor's socket could not be made.
  package init(_ watched: Socket) throws(ZeroMQError) {
    let endpoint = watched.context.makeMonitorEndpoint()
    self.watched = watched
    socket = try Socket(.pair, watched.context)
    guard unsafe zmq_socket_monitor(watched.pointer, endpoint, Self.events) == 0 else {
      throw ZeroMQError("watch a socket's connections")
    }
    try socket.connect(endpoint)
  }

  deinit {
    // Before the receiving end goes: the library's thread would wait for ever to tell of an event.
    _ = unsafe zmq_socket_monitor(watched.pointer, nil, 0)
  }

  /// Returns the next event without waiting; nil when there is none.
  package func next() -> Event? {
    while socket.receive(into: &message) {
      // A number of 16 bits that says what, one of 32 bits that says more, and a frame with the address.
      let (kind, value) = message.withFrame(0) { bytes -> (Int32, UInt32) in
        guard bytes.byteCount >= 6 else { return (0, 0) }
        return (
          Int32(unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt16.self)),
          unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 2, as: UInt32.self)
        )
      }
      switch kind {
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return .connected
      case ZMQ_EVENT_DISCONNECTED: return .disconnected
      case ZMQ_EVENT_CONNECT_RETRIED: return .retrying(milliseconds: value)
      case let kind where kind & Self.handshakeFailures != 0: return .handshakeFailed
      default: continue
      }
    }
    return nil
  }
}
