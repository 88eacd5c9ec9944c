import EPPCore
import Logging
import ZeroMQ

/// The subscription, and what becomes of its connection.
extension KVStream {
  /// Subscribes; the library connects as soon as somebody listens, and again whenever the connection is lost.
  func connect() {
    guard let events = address.events else { return }
    isConnected = false
    if disconnectedAt == nil { disconnectedAt = context.now() }
    reviveAt = nil
    do throws(ZeroMQError) {
      let socket = try Socket(.sub, context.library)
      socket.maximumFrameBytes = context.configuration.maximumFrameBytes
      socket.receiveHighWaterMark = context.configuration.maximumReadAhead
      socket.setReconnectInterval(.milliseconds(100), atMost: .seconds(2))
      // A machine that has vanished says nothing: without this its successor would never be connected to.
      socket.setHeartbeat(every: .seconds(5), timeout: .seconds(10))
      socket.setHandshakeTimeout(.seconds(10))
      socket.allowsIPv6 = needsIPv6(events)
      socket.subscribe("")
      let monitor = try ConnectionMonitor(socket)
      try socket.connect(events)
      try context.poller.add(socket, tag: SocketTag(id, .events).number)
      try context.poller.add(monitor, tag: SocketTag(id, .connection).number)
      (self.socket, self.monitor) = (socket, monitor)
      // What the library has noticed while it connected is not reported.
      context.ready.insert(SocketTag(id, .events).number)
      context.ready.insert(SocketTag(id, .connection).number)
    } catch {
      warn(.noSocket, "KV events cannot be followed, and it is tried again: \(error)")
      disconnect()
      reviveAt = context.now().advanced(by: reviveAfter)
    }
  }

  /// Whether the library is to look up an address of IPv6. It takes one of a kind: a name that has both kinds would lead
  /// to a publisher that listens on IPv4 alone no more.
  func needsIPv6(_ address: String) -> Bool { address.contains("[") || triesIPv6 }

  func disconnect() {
    if let monitor { context.poller.remove(monitor) }
    if let socket { context.poller.remove(socket) }
    // In this order: see `ConnectionMonitor`.
    monitor = nil
    socket = nil
    isConnected = false
  }

  /// Takes up to so many messages.
  ///
  /// - Returns: whether there may be more.
  func receiveMessages(_ limit: Int) -> Bool {
    guard let socket else { return false }
    for _ in 0..<limit {
      guard socket.receive(into: &context.message) else { return false }
      // A new connection is told of before its first message comes. That one may have the very number that the last
      // connection's messages have left open, and be another process's.
      receiveConnectionEvents()
      receivedMessage()
    }
    return true
  }

  /// Hears what has become of the connection.
  func receiveConnectionEvents() {
    guard let monitor else { return }
    while let event = monitor.next() {
      switch event {
      case .connected:
        isConnected = true
        connectedAt = context.now()
        disconnectedAt = nil
        isUnreachable = false
        failedHandshakes = 0
        reviveAt = nil
        look.set(context.now().advanced(by: context.configuration.quietAfterConnect))
        replayPause.reset()
        handle(.connected)
      case .disconnected:
        noteDisconnected()
        // Unless the library says that it tries again, the peer has broken the protocol.
        reviveAt = context.now().advanced(by: reviveAfter)
      case .retrying:
        noteDisconnected()
        reviveAt = nil
      case .handshakeFailed:
        noteDisconnected()
        noteFailedHandshake()
        reviveAt = context.now().advanced(by: reviveAfter)
      }
    }
  }

  private func noteFailedHandshake() {
    failedHandshakes += 1
    // An engine that dies or is stopped while it answers looks the same, once or twice.
    guard failedHandshakes == Self.toleratedFailures else { return }
    warn(
      .notZeroMQ,
      "who listens there does not publish by ZeroMQ: give the port of the engine's --kv-events-config")
  }

  private func noteDisconnected() {
    let now = context.now()
    // Whatever is no publisher answers the greeting and hangs up; the library takes some of that for its oldest protocol.
    if isConnected, let connectedAt, now < connectedAt.advanced(by: Self.shortConnection), messages == 0 {
      shortConnections += 1
      if shortConnections == Self.toleratedFailures {
        warn(
          .notZeroMQ,
          "who listens there hangs up at once: give the port of the engine's --kv-events-config")
      }
    }
    isConnected = false
    look.cancel()
    if disconnectedAt == nil { disconnectedAt = now }
  }

  private static let shortConnection = Duration.seconds(2)
  private static let toleratedFailures = 3

  /// Does what is due.
  func tickConnection(_ now: MonotonicTime) {
    if let reviveAt, now >= reviveAt {
      if socket != nil {
        warn(
          .notZeroMQ,
          "the connection has ended because of what came over it: no ZeroMQ, or a message of more than "
            + "\(context.configuration.maximumFrameBytes) bytes; it is made again")
      }
      reviveAfter = min(reviveAfter * 2, context.configuration.longestRevive)
      disconnect()
      connect()
    }
    if let disconnectedAt, now >= disconnectedAt.advanced(by: context.configuration.disconnectedAfter) {
      noteUnreachable(now)
    }
  }

  private func noteUnreachable(_ now: MonotonicTime) {
    isUnreachable = true
    if followed {
      setFollowed(false)
      warn(
        .unreachable, "the engine's KV events cannot be reached: its cache is guessed from what is sent there")
    }
    guard address.hasName, socket != nil, reviveAt == nil else { return }
    triesIPv6.toggle()
    disconnect()
    disconnectedAt = now
    connect()
  }
}
