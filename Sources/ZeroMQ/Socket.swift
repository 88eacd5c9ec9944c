import CZeroMQ

/// A ZeroMQ socket. Belongs to one thread at a time; nothing that it is asked to send is waited for when it goes.
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

    fileprivate var number: Int32 {
      switch self {
      case .pub: ZMQ_PUB
      case .sub: ZMQ_SUB
      case .dealer: ZMQ_DEALER
      case .router: ZMQ_ROUTER
      }
    }
  }

  let pointer: UnsafeMutableRawPointer
  private let context: Context

  package init(_ kind: Kind, _ context: Context) throws(ZeroMQError) {
    guard let made = unsafe zmq_socket(context.pointer, kind.number) else { throw ZeroMQError("make a socket") }
    unsafe pointer = made
    self.context = context
    set(ZMQ_LINGER, 0)
  }

  deinit { _ = unsafe zmq_close(pointer) }

  // MARK: - Settings

  /// Messages that may wait for one peer; further ones are dropped (pub, router) or refused (dealer). For peers that come
  /// after it is set.
  package var sendHighWaterMark: Int32 {
    get { get(ZMQ_SNDHWM) }
    set { set(ZMQ_SNDHWM, newValue) }
  }

  /// Takes messages whose first frame begins with this text, of a `sub` socket.
  package func subscribe(_ topic: String) {
    let result = unsafe zmq_setsockopt(pointer, ZMQ_SUBSCRIBE, topic, topic.utf8.count)
    assert(result == 0, "only a sub socket subscribes")
  }

  private func set(_ option: Int32, _ value: Int32) {
    var value = value
    let result = unsafe zmq_setsockopt(pointer, option, &value, MemoryLayout<Int32>.size)
    assert(result == 0, "the option and its value are known")
  }

  private func get(_ option: Int32) -> Int32 {
    var value: Int32 = 0
    var size = MemoryLayout<Int32>.size
    _ = unsafe zmq_getsockopt(pointer, option, &value, &size)
    return value
  }

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

  /// Connects, now or as soon as somebody listens there, and again whenever the connection is lost.
  package func connect(_ endpoint: String) throws(ZeroMQError) {
    guard unsafe zmq_connect(pointer, endpoint) == 0 else { throw ZeroMQError("connect to \(endpoint)") }
  }

  // MARK: - Messages

  /// Sends a message of one frame or more, without waiting.
  ///
  /// - Returns: false when there is no room for it, or nobody to send it to.
  package func send(_ frames: [[UInt8]]) -> Bool {
    for (index, frame) in frames.enumerated() {
      let more = index + 1 < frames.count ? ZMQ_SNDMORE : 0
      while unsafe zmq_send(pointer, frame, frame.count, more | ZMQ_DONTWAIT) < 0 {
        // The library takes a message whole: only the first frame can be refused.
        guard zmq_errno() == EINTR else { return false }
      }
    }
    return true
  }

  /// The next message, without waiting; nil when there is none.
  package func receive() -> [[UInt8]]? {
    var frames: [[UInt8]] = []
    while true {
      var message = zmq_msg_t()
      _ = unsafe zmq_msg_init(&message)
      defer { _ = unsafe zmq_msg_close(&message) }
      while unsafe zmq_msg_recv(&message, pointer, ZMQ_DONTWAIT) < 0 {
        guard zmq_errno() == EINTR else { return nil }
      }
      let bytes = unsafe UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message))
      unsafe frames.append(Array(bytes))
      if unsafe zmq_msg_more(&message) == 0 { return frames }
    }
  }
}
