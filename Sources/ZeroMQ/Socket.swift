import CZeroMQ

/// A ZeroMQ socket. Used by one thread at a time. Closing it drops messages that have not been sent.
///
/// The library does all I/O on its own threads. Methods of a socket only take received messages and queue messages to send, so
/// none of them blocks; `wait` and `SocketPoller` report when to receive.
@safe package final class Socket {
  /// The ZeroMQ socket type.
  package enum Kind: Sendable {
    /// Sends to all subscribers.
    case pub
    /// Receives messages of the topics that it has subscribed to.
    case sub
    /// Sends requests and receives any number of answers.
    case dealer
    /// Answers requests; the first frame of a message identifies the peer.
    case router
    /// One of two ends of an exclusive connection.
    case pair

    fileprivate var number: Int32 {
      switch self {
      case .pub: ZMQ_PUB
      case .sub: ZMQ_SUB
      case .dealer: ZMQ_DEALER
      case .router: ZMQ_ROUTER
      case .pair: ZMQ_PAIR
      }
    }
  }

  let pointer: UnsafeMutableRawPointer
  let context: Context

  /// - Throws: `ZeroMQError` when the context has too many sockets, or the process too many open files.
  package init(_ kind: Kind, _ context: Context) throws(ZeroMQError) {
    guard let made = unsafe zmq_socket(context.pointer, kind.number) else { throw ZeroMQError("make a socket") }
    unsafe pointer = made
    self.context = context
    set(ZMQ_LINGER, Int32(0))
  }

  deinit { _ = unsafe zmq_close(pointer) }

  // MARK: - Peers

  /// Listens at an address.
  ///
  /// - Parameter endpoint: such as `tcp://127.0.0.1:5557`; the port `*` means any free one.
  /// - Returns: the endpoint with the actual port.
  /// - Throws: `ZeroMQError` when the address is invalid or in use.
  package func bind(_ endpoint: String) throws(ZeroMQError) -> String {
    guard unsafe zmq_bind(pointer, endpoint) == 0 else { throw ZeroMQError("bind \(endpoint)") }
    var text = [UInt8](repeating: 0, count: 256)
    var size = text.count
    guard unsafe zmq_getsockopt(pointer, ZMQ_LAST_ENDPOINT, &text, &size) == 0 else {
      throw ZeroMQError("read the address of \(endpoint)")
    }
    return String(decoding: text.prefix(size).prefix { $0 != 0 }, as: UTF8.self)
  }

  /// Connects in the background, as soon as a process listens there, and reconnects whenever the connection is lost.
  ///
  /// A connection that ends because the peer broke the protocol is not made again; `ConnectionMonitor` reports that.
  ///
  /// - Throws: `ZeroMQError` when the address is invalid.
  package func connect(_ endpoint: String) throws(ZeroMQError) {
    guard unsafe zmq_connect(pointer, endpoint) == 0 else { throw ZeroMQError("connect to \(endpoint)") }
  }
}
