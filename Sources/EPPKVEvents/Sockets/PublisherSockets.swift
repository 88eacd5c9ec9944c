import ZeroMQ

/// The sockets of one stream: the subscription, and one for a running replay. Belongs to the event thread.
final class PublisherSockets {
  private let address: KVStreamAddress
  private let stream: UInt64
  private let context: EventThreadContext
  private var subscription: EventSubscription?
  private var replay: ReplaySocket?
  /// Whether host names are resolved to IPv6 addresses; toggled when no connection is made.
  private var triesIPv6 = false

  /// - Parameters:
  ///   - address: the addresses of publisher and replay socket.
  ///   - stream: the stream's id, by which the sockets are reported.
  init(_ address: KVStreamAddress, stream: UInt64, _ context: EventThreadContext) {
    self.address = address
    self.stream = stream
    self.context = context
  }

  /// Whether there is a subscription.
  var isSubscribed: Bool { subscription != nil }

  /// Subscribes, replacing an existing subscription.
  ///
  /// - Throws: when there is no socket left, or the address is invalid.
  func subscribe() throws(ZeroMQError) {
    unsubscribe()
    guard let events = address.events else { return }
    subscription = try EventSubscription(events, stream: stream, allowsIPv6: allowsIPv6(events), context)
  }

  /// Ends the subscription.
  func unsubscribe() {
    subscription?.close()
    subscription = nil
  }

  /// Moves the next live message to `EventThreadContext.message`; false when there is none.
  func receive() -> Bool { subscription?.receive() ?? false }

  /// The next event of the connection; nil when there is none.
  func nextConnectionEvent() -> ConnectionMonitor.Event? { subscription?.nextConnectionEvent() }

  /// Requests a replay of all messages from a number on.
  ///
  /// - Throws: when there is no socket left, or the address is invalid.
  func ask(from number: UInt64) throws(ZeroMQError) {
    guard let address = address.replay else { return }
    replay = try ReplaySocket(address, from: number, stream: stream, allowsIPv6: allowsIPv6(address), context)
  }

  /// Moves the next answer of the replay to `EventThreadContext.message`; false when there is none, nil when no replay runs.
  func receiveReplay() -> Bool? { replay?.receive() }

  /// Closes the replay socket.
  func closeReplay() {
    replay?.close()
    replay = nil
  }

  /// Resolves host names to the other kind of IP address from now on.
  func changeAddressKind() { if address.hasName { triesIPv6.toggle() } }

  /// Whether the library may use IPv6. It uses the first address of the allowed kinds: with IPv6 allowed, a name with both
  /// kinds of address never leads to a publisher that listens on IPv4 only.
  private func allowsIPv6(_ address: String) -> Bool { address.contains("[") || triesIPv6 }
}
