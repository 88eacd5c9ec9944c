import CZeroMQ

/// Settings. They hold for connections that are made after they are set.
extension Socket {
  /// Messages that may wait to be sent to one peer; further ones are dropped (pub, router) or refused (dealer). 0 is no
  /// bound.
  package var sendHighWaterMark: Int32 {
    get { get(ZMQ_SNDHWM) }
    set { set(ZMQ_SNDHWM, newValue) }
  }

  /// Messages of one peer that may wait to be received; then no more is read from its connection. 0 is no bound.
  package var receiveHighWaterMark: Int32 {
    get { get(ZMQ_RCVHWM) }
    set { set(ZMQ_RCVHWM, newValue) }
  }

  /// Bytes that a frame may have; a peer that announces a larger one loses its connection. -1, the library's default,
  /// is no bound.
  package var maximumFrameBytes: Int64 {
    get { get(ZMQ_MAXMSGSIZE) }
    set { set(ZMQ_MAXMSGSIZE, newValue) }
  }

  /// Whether addresses may be of IPv6, too.
  package var allowsIPv6: Bool {
    get { get(ZMQ_IPV6) as Int32 != 0 }
    set { set(ZMQ_IPV6, Int32(newValue ? 1 : 0)) }
  }

  /// How long to wait before a lost or refused connection is tried again: the first time, and at most as it doubles.
  package func setReconnectInterval(_ first: Duration, atMost longest: Duration) {
    set(ZMQ_RECONNECT_IVL, first.milliseconds)
    set(ZMQ_RECONNECT_IVL_MAX, longest.milliseconds)
  }

  /// Asks a silent peer for a sign of life at this interval, and drops the connection when none comes in time.
  package func setHeartbeat(every interval: Duration, timeout: Duration) {
    set(ZMQ_HEARTBEAT_IVL, interval.milliseconds)
    set(ZMQ_HEARTBEAT_TIMEOUT, timeout.milliseconds)
  }

  /// How long a new connection may take until both sides have said what they are.
  package func setHandshakeTimeout(_ time: Duration) { set(ZMQ_HANDSHAKE_IVL, time.milliseconds) }

  /// Takes messages whose first frame begins with this text, of a `sub` socket. Nothing comes without it.
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
