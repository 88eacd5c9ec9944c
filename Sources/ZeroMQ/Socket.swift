import CZeroMQ

/// A ZeroMQ socket. Belongs to one thread at a time; nothing that it is asked to send is waited for when it goes.
///
/// The library does all I/O on threads of its own. A socket only takes what has come and leaves what is to go, so nothing
/// here waits; `wait` and `SocketPoller` tell when it is worth to look again.
@safe package final class Socket {
  /// What a socket is for.
  package enum Kind: Sendable {
    /// Sends to all that have subscribed.
    case pub
    /// Receives what it has subscribed to.
    case sub
    /// Asks, and takes any number of answers.
    case dealer
    /// Answers those that ask, whom a message's first frame names.
    case router
    /// One end of a connection of two.
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

  package init(_ kind: Kind, _ context: Context) throws(ZeroMQError) {
    guard let made = unsafe zmq_socket(context.pointer, kind.number) else { throw ZeroMQError("make a socket") }
    unsafe pointer = made
    self.context = context
    set(ZMQ_LINGER, Int32(0))
  }

  deinit { _ = unsafe zmq_close(pointer) }

  // MARK: - Peers

  /// Listens.
  ///
  /// - Parameter endpoint: such as `tcp://127.0.0.1:5557`; a port `*` takes a free one.
  /// - Returns: the endpoint with the port that was taken.
  package func bind(_ endpoint: String) throws(ZeroMQError) -> String {
    guard unsafe zmq_bind(pointer, endpoint) == 0 else { throw ZeroMQError("bind \(endpoint)") }
    var text = [UInt8](repeating: 0, count: 256)
    var size = text.count
    guard unsafe zmq_getsockopt(pointer, ZMQ_LAST_ENDPOINT, &text, &size) == 0 else {
      throw ZeroMQError("read the address of \(endpoint)")
    }
    return String(decoding: text.prefix(size).prefix { $0 != 0 }, as: UTF8.self)
  }

  /// Connects, at once or as soon as a process listens there, and again whenever the connection is lost.
  ///
  /// A connection that ends because the peer broke the protocol is not made again: `ConnectionMonitor` tells of it.
  package func connect(_ endpoint: String) throws(ZeroMQError) {
    guard unsafe zmq_connect(pointer, endpoint) == 0 else { throw ZeroMQError("connect to \(endpoint)") }
  }
}
