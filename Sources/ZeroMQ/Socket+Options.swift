import CZeroMQ

/// Options. They apply to connections that are made after they are set.
extension Socket {
  /// The largest number of messages queued for one peer; further ones are dropped (pub, router) or refused (dealer). 0 means no
  /// limit.
  package var sendHighWaterMark: Int32 {
    get { get(ZMQ_SNDHWM) }
    set { set(ZMQ_SNDHWM, newValue) }
  }

  /// The largest number of received messages queued for one peer; then no more is read from its connection. 0 means no limit.
  package var receiveHighWaterMark: Int32 {
    get { get(ZMQ_RCVHWM) }
    set { set(ZMQ_RCVHWM, newValue) }
  }

  /// The largest frame in bytes; a peer that announces a larger one is disconnected. -1, the library's default, means no limit.
  package var maximumFrameBytes: Int64 {
    get { get(ZMQ_MAXMSGSIZE) }
    set { set(ZMQ_MAXMSGSIZE, newValue) }
  }

  /// Whether IPv6 addresses are allowed besides IPv4.
  package var allowsIPv6: Bool {
    get { get(ZMQ_IPV6) as Int32 != 0 }
    set { set(ZMQ_IPV6, Int32(newValue ? 1 : 0)) }
  }

  /// Sets how long the library waits before it reconnects. The interval doubles from `first` up to `longest`.
  package func setReconnectInterval(_ first: Duration, atMost longest: Duration) {
    set(ZMQ_RECONNECT_IVL, first.milliseconds)
    set(ZMQ_RECONNECT_IVL_MAX, longest.milliseconds)
  }

  /// Sends a ping to a silent peer at this interval, and closes the connection when no answer comes within `timeout`.
  package func setHeartbeat(every interval: Duration, timeout: Duration) {
    set(ZMQ_HEARTBEAT_IVL, interval.milliseconds)
    set(ZMQ_HEARTBEAT_TIMEOUT, timeout.milliseconds)
  }

  /// Sets how long the handshake of a new connection may take.
  package func setHandshakeTimeout(_ time: Duration) { set(ZMQ_HANDSHAKE_IVL, time.milliseconds) }

  /// Subscribes a `sub` socket to messages whose first frame begins with `topic`. Without a subscription it receives nothing.
  package func subscribe(_ topic: String) {
    let result = unsafe zmq_setsockopt(pointer, ZMQ_SUBSCRIBE, topic, topic.utf8.count)
    assert(result == 0, "only a sub socket subscribes")
  }

  func set(_ option: Int32, _ value: some FixedWidthInteger) {
    var value = value
    let result = unsafe zmq_setsockopt(pointer, option, &value, value.bitWidth / 8)
    assert(result == 0, "the option and its value are known")
  }

  func get<Value: FixedWidthInteger>(_ option: Int32) -> Value {
    var value: Value = 0
    var size = value.bitWidth / 8
    let result = unsafe zmq_getsockopt(pointer, option, &value, &size)
    assert(result == 0, "the option is known")
    return value
  }
}

extension Duration {
  fileprivate var milliseconds: Int32 {
    Int32(clamping: components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000)
  }
}
